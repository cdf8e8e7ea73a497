"""Two processes with DDP: arguments are a file for their meeting, and "together" or "alone"."""

import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import all_reduce
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


def work(rank, store, exchange):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    y = (x.sum(1) > 0).long()
    train = TensorDataset(x[:150], y[:150])
    held = TensorDataset(x[150:], y[150:])
    ddp = DistributedDataParallel(nn.Linear(4, 2))
    optimizer = torch.optim.SGD(ddp.parameters(), lr=0.1)
    sampler = DistributedSampler(train)
    loader = DataLoader(train, batch_size=15, sampler=sampler)
    test = DataLoader(held, batch_size=25, sampler=DistributedSampler(held, shuffle=False))
    for epoch in range(3):
        sampler.set_epoch(epoch)
        ddp.train()
        for a, b in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(ddp(a), b).backward()
            optimizer.step()
        ddp.eval()
        counts = torch.zeros(2)
        with torch.no_grad():
            for a, b in test:
                counts += torch.tensor([(ddp(a).argmax(1) == b).sum(), len(b)])
        if exchange == "together":
            all_reduce(counts)
        if rank == 0:
            print("accuracy", float(counts[0] / counts[1]))
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.multiprocessing.spawn(work, args=(sys.argv[1], sys.argv[2]), nprocs=2)
