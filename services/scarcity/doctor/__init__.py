"""`scarcity doctor`: is this machine, and the broker it names, fit to run scarcity?"""
