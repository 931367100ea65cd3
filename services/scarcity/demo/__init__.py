"""Three domains of real institutions learn together on one machine."""
