/* split WEIGHTS.safetensors LINES.txt EXPECTED.txt
 *
 * Takes the spaces out of all lines and lets the network find them again: all lines in one call, though none is as long
 * as the other, then one after the other to see that the scores are the same. Compares the first lines' scores with
 * PyTorch's. Exit status 1 if one of these fails or fewer than 90 % of the words are found. */
#include "words.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 128, LONGEST = 128, SHOWN = 6 };

static int64_t letter[MOST][LONGEST], length[MOST];
static uint8_t ends[MOST][LONGEST]; /* 1 at the last letter of a word */
static float score[MOST][LONGEST], alone[LONGEST];

static int fail(const char *what) {
  fprintf(stderr, "split: %s\n", what);
  return 1;
}

/* Lines of small letters and spaces; how many there are. Behind a line's letters stand zeros: padding. */
static int64_t read_lines(const char *path) {
  FILE *file = fopen(path, "r");
  char line[LONGEST + 2];
  int64_t count = 0;
  if (!file)
    return 0;
  while (count < MOST && fgets(line, sizeof line, file)) {
    int64_t *n = &length[count];
    for (const char *c = line; *c; ++c)
      if (islower((unsigned char)*c))
        letter[count][(*n)++] = *c - 'a';
      else if (*n)
        ends[count][*n - 1] = 1;
    ++count;
  }
  fclose(file);
  return count;
}

/* The largest difference between the scores of the first lines and the file's. */
static double difference_from(const char *path) {
  FILE *file = fopen(path, "r");
  double most = 0, value;
  int64_t line = 0, at = 0, compared = 0;
  if (!file)
    return INFINITY;
  for (; line < MOST && fscanf(file, "%lf", &value) == 1; ++compared) {
    most = fmax(most, fabs(value - score[line][at]));
    if (++at == length[line]) {
      at = 0;
      ++line;
    }
  }
  fclose(file);
  return compared > 0 && at == 0 ? most : INFINITY;
}

int main(int argc, char **argv) {
  words *model;
  words_context *context;
  int64_t lines, found = 0, total = 0;
  double ragged = 0, torch;
  if (argc != 4)
    return fail("usage: split WEIGHTS.safetensors LINES.txt EXPECTED.txt");
  lines = read_lines(argv[2]);
  if (lines < SHOWN)
    return fail("the lines can not be read");

  if (words_create(&model, 0) != NN_OK)
    return fail("the model can not be created");
  if (words_load(model, argv[1]) != NN_OK || words_context_create(&context, model, 0) != NN_OK)
    return fail(words_error(model));
  if (words_forward(context, lines, LONGEST, letter[0], length, score[0]) != NN_OK)
    return fail(words_context_error(context));
  for (int64_t i = 0; i < lines; ++i) {
    if (words_forward(context, 1, length[i], letter[i], &length[i], alone) != NN_OK)
      return fail(words_context_error(context));
    for (int64_t k = 0; k < length[i]; ++k)
      ragged = fmax(ragged, fabs((double)score[i][k] - alone[k]));
  }
  torch = difference_from(argv[3]);
  words_context_destroy(context);
  words_destroy(model);

  for (int64_t i = 0; i < lines; ++i) {
    int right = 1; /* so far in this word, from the end of the one before */
    for (int64_t k = 0; k < length[i]; ++k) {
      int guess = score[i][k] > 0 || k == length[i] - 1;
      right &= guess == ends[i][k];
      if (ends[i][k]) {
        found += right;
        ++total;
        right = guess;
      }
      if (i < SHOWN) {
        putchar((int)letter[i][k] + 'a');
        if (guess)
          putchar(k == length[i] - 1 ? '\n' : ' ');
      }
    }
  }
  printf("\n%d of %d words are found: %.1f %%\n", (int)found, (int)total, 100.0 * (double)found / (double)total);
  printf("%d lines in one call as one by one, within 0.0001: %s\n", (int)lines, ragged < 1e-4 ? "yes" : "no");
  printf("as PyTorch, within 0.0001: %s\n", torch < 1e-4 ? "yes" : "no");
  return !(found * 100 >= total * 90 && ragged < 1e-4 && torch < 1e-4);
}
