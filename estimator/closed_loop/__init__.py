"""Improving a tone on the board itself: surrogate model, player, optimizer."""
