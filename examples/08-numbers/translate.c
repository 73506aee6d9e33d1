/* translate WEIGHTS.safetensors WORDS.txt NUMBERS.txt EXPECTED.txt WORD...
 *
 * Writes number words as digits: those of a file, which training has not seen, all in one batch, and the number that
 * the last arguments say. Exit status 1 if fewer than 95 % are right or scores differ from PyTorch's. */
#include "numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256, LONGEST = 12, STEPS = 7, SYMBOLS = 11, END = 10, VOCABULARY = 31, SHOWN = 6, COMPARED = 8 };

static char word[VOCABULARY][16], answer[MOST][8], line[MOST][128];
static int64_t token[MOST][LONGEST], length[MOST], symbol[STEPS + 1][MOST];
static float score[STEPS][MOST][SYMBOLS];

static int fail(const char *what) {
  fprintf(stderr, "translate: %s\n", what);
  exit(1);
}

static void add_word(int row, const char *text) {
  int w = 0;
  while (w < VOCABULARY && strcmp(word[w], text))
    ++w;
  if (w == VOCABULARY || length[row] == LONGEST)
    fail("a number has too many words, or one that the network does not know");
  token[row][length[row]++] = w;
}

/* Reads numbers once, then writes digit after digit: each step gets the digit that the one before found likeliest. */
static void translate(numbers_context *context, int64_t B) {
  if (numbers_encode(context, token[0], length) != NN_OK)
    fail(numbers_context_error(context));
  for (int64_t b = 0; b < B; ++b)
    symbol[0][b] = END;
  for (int step = 0; step < STEPS; ++step) {
    if (numbers_next(context, symbol[step], score[step][0]) != NN_OK)
      fail(numbers_context_error(context));
    for (int64_t b = 0; b < B; ++b) {
      int best = 0;
      for (int s = 1; s < SYMBOLS; ++s)
        if (score[step][b][s] > score[step][b][best])
          best = s;
      symbol[step + 1][b] = best;
    }
  }
}

/* The digits of row b up to the end. */
static const char *digits(int64_t b) {
  static char text[STEPS + 1];
  memset(text, 0, sizeof text);
  for (int n = 0; n < STEPS && symbol[n + 1][b] != END; ++n)
    text[n] = (char)('0' + symbol[n + 1][b]);
  return text;
}

/* Whether the scores of the first numbers, step after step, are those in the file. */
static int same_as(FILE *expected) {
  float value;
  for (int64_t b = 0; b < COMPARED; ++b)
    for (int step = 0; step < STEPS; ++step)
      for (int s = 0; s < SYMBOLS; ++s)
        if (fscanf(expected, "%f", &value) != 1 || !(fabsf(value - score[step][b][s]) < 1e-4f))
          return 0;
  return 1;
}

int main(int argc, char **argv) {
  numbers *model;
  numbers_context *all = NULL, *one = NULL;
  int count = 0, right = 0;
  if (argc < 6)
    fail("usage: translate WEIGHTS.safetensors WORDS.txt NUMBERS.txt EXPECTED.txt WORD...");
  FILE *vocabulary = fopen(argv[2], "r"), *list = fopen(argv[3], "r"), *expected = fopen(argv[4], "r");
  if (!vocabulary || !list || !expected)
    fail("a file can not be read");
  for (int w = 0; w < VOCABULARY && fscanf(vocabulary, "%15s", word[w]) == 1;)
    ++w;
  for (; count < MOST && fscanf(list, "%7s %127[^\n]", answer[count], line[count]) == 2; ++count) {
    char copy[sizeof line[0]];
    for (char *text = strtok(strcpy(copy, line[count]), " "); text; text = strtok(NULL, " "))
      add_word(count, text);
  }
  if (numbers_create(&model, 0) != NN_OK)
    fail("the model can not be created");
  if (numbers_load(model, argv[1]) != NN_OK || numbers_context_create(&all, model, count, LONGEST, 0) != NN_OK ||
      numbers_context_create(&one, model, 1, LONGEST, 0) != NN_OK)
    fail(numbers_error(model));
  translate(all, count);
  for (int i = 0; i < count; ++i) {
    right += strcmp(digits(i), answer[i]) == 0;
    if (i < SHOWN)
      printf("%7s  %s\n", digits(i), line[i]);
  }
  int same = same_as(expected); /* The scores are overwritten below. */

  length[0] = 0;
  for (int i = 5; i < argc; ++i)
    add_word(0, argv[i]);
  translate(one, 1);
  printf("%7s  is what was asked for\n\n", digits(0));
  printf("%d of %d numbers are right\nas PyTorch, within 0.0001: %s\n", right, count, same ? "yes" : "no");
  numbers_context_destroy(one);
  numbers_context_destroy(all);
  numbers_destroy(model);
  return !(same && right * 100 >= count * 95);
}
