"""The same cores in one process: an in-process log, virtual time.

`run(scenario)` and `read_scenario(path)` are in `simulation.runner` and `simulation.scenario_file`;
nothing is imported here, because services use the in-process log without torch.
"""
