import torch
from torch import nn

torch.manual_seed(1)

# the network hears random bits and has to repeat each of them three steps later
batch_size = 16
echo_step = 3
series_length = 600
BPTT_T = 20


class EchoData:
    def __init__(self):
        self.n_batches = series_length // BPTT_T

    def generate_new_series(self):
        x = torch.randint(0, 2, (batch_size, series_length)).float()
        y = torch.roll(x, echo_step, dims=1)
        y[:, :echo_step] = 0
        return x, y

    def chunks(self):
        x, y = self.generate_new_series()
        for i in range(self.n_batches):
            part = slice(i * BPTT_T, (i + 1) * BPTT_T)
            yield x[:, part].unsqueeze(-1), y[:, part].unsqueeze(-1)

    def __len__(self):
        return self.n_batches


class SimpleRNN(nn.Module):
    def __init__(self, hidden_size=12):
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 1)

    def forward(self, x, hidden):
        out, hidden = self.rnn(x, hidden)
        return self.linear(out), hidden


model = SimpleRNN()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.005)
train_data, test_data = EchoData(), EchoData()


def train(hidden):
    model.train()
    correct = 0
    for data, target in train_data.chunks():
        optimizer.zero_grad()
        if hidden is not None:
            hidden = hidden.detach()
        logits, hidden = model(data, hidden)
        loss = criterion(logits, target)
        loss.backward()
        optimizer.step()
        pred = torch.sigmoid(logits) > 0.5
        correct += (pred == target.bool()).int().sum().item()
    return correct, loss.item(), hidden


def test(hidden):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in test_data.chunks():
            logits, hidden = model(data, hidden)
            pred = torch.sigmoid(logits) > 0.5
            correct += (pred == target.bool()).int().sum().item()
    return correct


n_epochs = 12
hidden = None
for epoch in range(1, n_epochs + 1):
    correct, loss, hidden = train(hidden)
    train_accuracy = float(correct) / (len(train_data) * batch_size * BPTT_T)
    print(f"Train Epoch: {epoch}/{n_epochs}, loss: {loss:.3f}, accuracy {train_accuracy:.1%}")

test_accuracy = float(test(None)) / (len(test_data) * batch_size * BPTT_T)
print(f"Test accuracy: {test_accuracy:.1%}")
