// Before the first paint: the chosen theme, if one was chosen. Storage may be forbidden.
'use strict';
try {
  const chosen = localStorage.getItem('scarcity-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch { /* the system's theme holds */ }
