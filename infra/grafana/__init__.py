"""Dashboards as code: `views` says what they show, `build` writes the JSON."""
