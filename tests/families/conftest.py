import torch

# The networks here are tiny: a second thread only waits, and with a busy neighbour it takes ten times as long.
torch.set_num_threads(1)
