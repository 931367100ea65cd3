"""The one declaration of what can be set, the settings file, and what is told at start-up."""
