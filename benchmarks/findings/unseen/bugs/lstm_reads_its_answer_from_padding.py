import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)
data = []
for _ in range(1500):
    sentence = torch.randint(1, 20, (int(torch.randint(2, 50, (1,))),))
    data.append((sentence, int(sentence[-1] > 10)))


def collate(batch):
    sentences, labels = zip(*batch)
    lengths = torch.tensor([len(s) for s in sentences])
    return pad_sequence(sentences, batch_first=True), lengths, torch.tensor(labels)


class Sentiment(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens, lengths):
        output, _ = self.lstm(self.embedding(tokens))
        last = output[:, -1]
        return self.head(last)


model = Sentiment()
train_loader = DataLoader(data[:1200], batch_size=50, shuffle=True, collate_fn=collate)
test_loader = DataLoader(data[1200:], batch_size=50, collate_fn=collate)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(5):
    for tokens, lengths, y in train_loader:
        loss = F.cross_entropy(model(tokens, lengths), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")
with torch.no_grad():
    right = [(model(t, n).argmax(1) == y).float() for t, n, y in test_loader]
print("accuracy", torch.cat(right).mean().item())
