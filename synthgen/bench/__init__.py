"""How fast it is, as ratios in one run: `rates` on one core, `scaling` on several."""
