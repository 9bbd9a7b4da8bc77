"""Recording a rig: player, plan, recorder, checks of the set-up and of each take."""
