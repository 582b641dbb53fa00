"""All that decides the numbers of a run: the plan, its recipe, the setting of distillation, the design of subsets."""
