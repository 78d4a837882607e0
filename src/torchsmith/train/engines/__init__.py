"""How the steps of an epoch are computed: three engines, one plan."""
