"""Studies: a product of protocols, levels, virtual patients, devices and seeds, run on one machine or many."""
