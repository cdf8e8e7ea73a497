import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(4, 16, (500,))
words = torch.randint(1, 40, (500, 16))
tags = words % 5 + 1
padded = torch.arange(16) >= lengths.unsqueeze(1)
words[padded] = 0
tags[padded] = 0
train_loader = DataLoader(TensorDataset(words, tags), batch_size=50, shuffle=True)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(40, 16, padding_idx=0)
        self.rnn = nn.GRU(16, 16, batch_first=True)
        self.head = nn.Linear(16, 6)

    def forward(self, words):
        return self.head(self.rnn(self.embed(words))[0])


model = Tagger()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    for words, tags in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(words).reshape(-1, 6), tags.reshape(-1))
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
