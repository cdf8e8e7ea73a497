"""Reading five-letter signs from a strip of columns, with CTC: the columns are not aligned."""

import torch
from torch import nn

torch.manual_seed(18)
LETTERS, STEPS, HEIGHT, LENGTH = 6, 18, 8, 5
SHAPES = torch.randn(LETTERS, HEIGHT)
GAP = LETTERS  # the output for "nothing here"


def strips(count):
    columns = 0.3 * torch.randn(count, STEPS, HEIGHT)
    texts = torch.randint(0, LETTERS, (count, LENGTH))
    for i in range(count):
        at = int(torch.randint(0, 3, (1,)))
        for letter in texts[i]:
            wide = int(torch.randint(1, 3, (1,)))
            columns[i, at : at + wide] += SHAPES[letter]
            at += wide + 1
    return columns, texts


class Reader(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(HEIGHT, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, LETTERS + 1)

    def forward(self, columns):
        return self.out(self.rnn(columns)[0]).log_softmax(2)


def read(log_probs):
    texts = []
    for best in log_probs.argmax(2):
        kept = torch.unique_consecutive(best)
        texts.append(kept[kept != GAP].tolist())
    return texts


train_columns, train_texts = strips(600)
test_columns, test_texts = strips(200)
model = Reader()
criterion = nn.CTCLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(12):
    model.train()
    total = 0.0
    for part in torch.randperm(600).split(40):
        log_probs = model(train_columns[part]).transpose(0, 1)
        steps = torch.full((len(part),), STEPS)
        lengths = torch.full((len(part),), LENGTH)
        loss = criterion(log_probs, train_texts[part], steps, lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / 15:.3f}")

model.eval()
with torch.no_grad():
    found = read(model(test_columns))
right = sum(text == truth.tolist() for text, truth in zip(found, test_texts))
print(f"signs read without a mistake: {right / len(found):.3f}")
