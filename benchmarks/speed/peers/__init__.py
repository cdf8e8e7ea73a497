"""Other tools on the same task, one file each: `fit(task, watch)` trains, `loader(task)` reads."""
