"""What is watched of the loop: gradients, steps, schedules, and what a step is made of."""
