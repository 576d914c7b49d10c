"""What energy costs: power curves of node classes, the price of a reserved core, the tariff.

Pure functions on numpy arrays. Units: cores are logical CPUs, utilisation is used cores over
allocatable cores, power in watts, time in unix seconds.
"""
