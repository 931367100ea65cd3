"""The fold: insights in, one record a client out. Imports no torch and no numpy."""
