import torch
from torch import nn

torch.manual_seed(0)
names = torch.randint(0, 26, (60, 6))
labels = (names[:, -1] > 12).long()


class RNN(nn.Module):
    def __init__(self, size, hidden, out):
        super().__init__()
        self.hidden_size = hidden
        self.i2h = nn.Linear(size + hidden, hidden)
        self.i2o = nn.Linear(size + hidden, out)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        combined = torch.cat((input, hidden), 1)
        return self.softmax(self.i2o(combined)), torch.tanh(self.i2h(combined))

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = RNN(26, 16, 2)
criterion = nn.NLLLoss()
for n in range(60):
    line = torch.nn.functional.one_hot(names[n], 26).float()
    hidden = rnn.initHidden()
    rnn.zero_grad()
    for i in range(line.size(0)):
        output, hidden = rnn(line[i : i + 1], hidden)
    loss = criterion(output, labels[n : n + 1])
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-0.05)
