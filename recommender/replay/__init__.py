"""History replayed through a packer: what requests make of the nodes of a pool.

Pure functions on numpy arrays. A `trace.PoolTrace` says what every container used; `packer` puts
the pods on nodes by their requests, `load` says how full these get, `energy` what they draw,
`check` how much must be requested at least, and `outcome` all figures of a choice of requests.
"""
