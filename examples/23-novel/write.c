/* write BOOK.txt EXPECTED.csv WEIGHTS.safetensors CURVE.csv [STEPS]
 *
 * Learns from the book, compares how the loss falls with PyTorch's run on the same windows of the same book, and then
 * writes on, byte after byte, from what the context remembers. CURVE.csv gets the loss of every step. Exit status 1 if
 * the last mean loss is 2 % from PyTorch's. With 0 STEPS only the weights that training begins with are written. */
#include "novel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 128, CONTEXT = 64, BATCH = 16, MEAN = 50, MOST = 1 << 20 };

static unsigned char book[MOST];
static int64_t text[BATCH][CONTEXT], next[BATCH][CONTEXT];
static float scores[VOCAB];

static int fail(const char *what) {
  fprintf(stderr, "write: %s\n", what);
  return 1;
}

static int64_t read_book(const char *path) {
  FILE *file = fopen(path, "rb");
  int64_t count = 0;
  int c;
  if (!file)
    return 0;
  while (count < MOST && (c = fgetc(file)) != EOF)
    if (c < 128 && c != '\r')
      book[count++] = (unsigned char)c;
  fclose(file);
  return count;
}

/* The same windows in every run, here and in train.py: a linear congruential generator. */
static void choose(int64_t count) {
  static uint64_t state = 1;
  for (int b = 0; b < BATCH; ++b) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    int64_t at = (int64_t)((state >> 33) % (uint64_t)(count - CONTEXT));
    for (int i = 0; i < CONTEXT; ++i) {
      text[b][i] = book[at + i];
      next[b][i] = book[at + i + 1];
    }
  }
}

int main(int argc, char **argv) {
  static const char begin[] = "Alice ";
  novel *model;
  novel_context *context;
  int steps = argc > 5 ? atoi(argv[5]) : 400, expected_steps;
  double sum = 0, mean = 0, expected = 0;
  if (argc < 5)
    return fail("usage: write BOOK.txt EXPECTED.csv WEIGHTS.safetensors CURVE.csv [STEPS]");
  int64_t count = read_book(argv[1]);
  FILE *known = fopen(argv[2], "r");
  if (count <= CONTEXT || !known)
    return fail("no such files, or the book is too short");
  if (novel_create(&model, 1) || novel_context_create(&context, model, /*B=*/1, /*seed=*/1))
    return fail("no memory");
  if (steps == 0)
    return novel_save(model, argv[3]) != NN_OK;

  FILE *curve = fopen(argv[4], "w");
  if (!curve)
    return fail("the curve cannot be written");
  fprintf(curve, "step,loss\n");
  for (int step = 1; step <= steps; ++step) {
    float loss;
    choose(count);
    if (novel_train_step(context, BATCH, CONTEXT, text[0], next[0], 3e-3f, &loss))
      return fail(novel_context_error(context));
    sum += loss;
    fprintf(curve, "%d,%.4f\n", step, loss);
    if (step % MEAN == 0) {
      if (fscanf(known, "%d,%lf", &expected_steps, &expected) != 2 || expected_steps != step)
        return fail("not the expected losses");
      mean = sum / MEAN;
      sum = 0;
      printf("step %3d: mean loss %.3f, PyTorch's %.3f\n", step, mean, expected);
    }
  }
  fclose(known);
  int close = expected > 0 && fabs(mean / expected - 1) < 0.02;
  printf("within 2 %%: %s\n", close ? "yes" : "no");

  int64_t line[CONTEXT], length = (int64_t)strlen(begin), at = 0;
  for (int64_t i = 0; i < length; ++i)
    line[i] = begin[i];
  while (length < CONTEXT) {
    if (novel_read(context, length - at, line + at, at, scores))
      return fail(novel_context_error(context));
    at = length;
    int best = 0;
    for (int i = 1; i < VOCAB; ++i)
      best = scores[i] > scores[best] ? i : best;
    line[length++] = best;
  }
  for (int i = 0; i < CONTEXT; ++i)
    putchar(line[i] == '\n' ? ' ' : (int)line[i]);
  putchar('\n');
  if (fclose(curve) || novel_save(model, argv[3]))
    return fail(novel_error(model));
  novel_context_destroy(context);
  novel_destroy(model);
  return !close;
}
