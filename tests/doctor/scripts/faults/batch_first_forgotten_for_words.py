import random
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, DataLoader

random.seed(4)
torch.manual_seed(4)
VOCAB = ["<pad>"] + [f"w{i}" for i in range(60)]
POS, NEG = set(range(1, 11)), set(range(11, 21))


def make_sentence():
    label = random.randint(0, 1)
    n = random.randint(4, 12)
    words = [random.randint(21, 60) for _ in range(n)]
    for _ in range(2):
        words[random.randrange(n)] = random.choice(sorted(POS if label else NEG))
    return words, label


class ReviewDataset(Dataset):
    def __init__(self, n):
        self.items = [make_sentence() for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        words, label = self.items[i]
        return torch.tensor(words), label


def collate_batch(batch):
    texts = [t for t, _ in batch]
    lengths = torch.tensor([len(t) for t in texts])
    labels = torch.tensor([l for _, l in batch], dtype=torch.float)
    return pad_sequence(texts, batch_first=True, padding_value=0), lengths, labels


class SentimentGRU(nn.Module):
    def __init__(self, vocab_size, emb=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb, padding_idx=0)
        self.gru = nn.GRU(emb, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, text, lengths):
        embedded = self.embedding(text)
        output, _ = self.gru(embedded)
        mask = (text != 0).unsqueeze(-1)
        pooled = output.masked_fill(~mask, -1e4).max(dim=1).values
        return self.out(pooled).squeeze(1)


def binary_accuracy(preds, y):
    rounded = torch.round(torch.sigmoid(preds))
    return (rounded == y).float().sum() / len(y)


train_dl = DataLoader(
    ReviewDataset(800), batch_size=32, shuffle=True, collate_fn=collate_batch
)
test_dl = DataLoader(ReviewDataset(200), batch_size=50, collate_fn=collate_batch)
model = SentimentGRU(len(VOCAB))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(1):
    model.train()
    epoch_loss = 0
    for text, lengths, labels in train_dl:
        optimizer.zero_grad()
        predictions = model(text, lengths)  # C5
        loss = criterion(predictions, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item()
    model.eval()
    epoch_acc = 0
    with torch.no_grad():
        for text, lengths, labels in test_dl:
            epoch_acc += binary_accuracy(model(text, lengths), labels).item()
    print(
        f"Epoch {epoch + 1}: loss {epoch_loss / len(train_dl):.3f} test acc {epoch_acc / len(test_dl):.3f}"
    )
