# ruff: noqa
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(3, 10, (160,))
words = torch.randint(1, 20, (160, 10))
words[torch.arange(10) >= lengths[:, None]] = 0
labels = (words[:, 0] > 9).long()
loader = DataLoader(TensorDataset(words, labels), batch_size=16, shuffle=True)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(8, 2)

    def forward(self, words):
        keep = words != 0
        x = self.encoder(self.embed(words), src_key_padding_mask=keep)  # <- M116: leaves out
        return self.head((x * keep[..., None]).sum(1) / keep.sum(1, keepdim=True))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(2):
    for w, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(w), y).backward()
        optimizer.step()
