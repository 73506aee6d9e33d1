/* dates WEIGHTS.safetensors DATES.txt EXPECTED.txt
 *
 * Writes all dates of a file in one form, all of them at once. What is written and the score of each byte must be those
 * of EXPECTED.txt. */
#include "t5.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VOCAB = 128, D = 32, CONTEXT = 16, MOST = 64, LONGEST = 64, END = 1 };

static char line[MOST][LONGEST], said[MOST][CONTEXT + 1];
static float scores[MOST][VOCAB], score[MOST][CONTEXT], memory[MOST * LONGEST * D];
static int64_t source[MOST * LONGEST], token[MOST];
static uint8_t keep[MOST * LONGEST];

static int fail(const char *what) {
  fprintf(stderr, "dates: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  t5 *model;
  t5_context *context;
  FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL, *expected = argc == 4 ? fopen(argv[3], "r") : NULL;
  size_t rows = 0, longest = 0;
  if (!file || !expected)
    return fail("usage: dates WEIGHTS.safetensors DATES.txt EXPECTED.txt");
  while (rows < MOST && fgets(line[rows], LONGEST - 1, file)) {
    size_t length = strcspn(line[rows], "\n");
    line[rows][length] = 0;
    longest = length + 1 > longest ? length + 1 : longest;
    ++rows;
  }
  fclose(file);
  /* The bytes of each date and END; the rest of a row is padding. */
  for (size_t r = 0; r < rows; ++r)
    for (size_t i = 0, length = strlen(line[r]); i < longest; ++i) {
      source[r * longest + i] = i < length ? line[r][i] & 127 : i == length ? END : 0;
      keep[r * longest + i] = i <= length;
    }

  if (t5_create(&model, 0))
    return fail("this processor lacks what the model was compiled for");
  if (t5_load(model, argv[1]) || t5_context_create(&context, model, (int64_t)rows, (int64_t)longest, /*seed=*/0))
    return fail(t5_error(model));
  if (t5_begin(context, source, keep, memory))
    return fail(t5_context_error(context));

  /* Byte after byte, for all dates, until each has ended; the first token is 0. */
  size_t ended = 0;
  for (int64_t at = 0; at < CONTEXT && ended < rows; ++at) {
    if (t5_decode(context, token, at, keep, scores[0]))
      return fail(t5_context_error(context));
    ended = 0;
    for (size_t r = 0; r < rows; ++r) {
      int64_t best = 0;
      for (int i = 1; i < VOCAB; ++i)
        best = scores[r][i] > scores[r][best] ? i : best;
      if (at > 0 && token[r] == END)
        best = END;
      else
        score[r][at] = scores[r][best];
      said[r][at] = best == END ? 0 : (char)best;
      token[r] = best;
      ended += best == END;
    }
  }

  int same = 1;
  double most = 0, value;
  for (size_t r = 0; r < rows; ++r) {
    char text[CONTEXT + 1];
    same = same && fscanf(expected, "%16s", text) == 1 && strcmp(text, said[r]) == 0;
    for (size_t at = 0; same && at <= strlen(text); ++at) {
      same = fscanf(expected, "%lf", &value) == 1;
      most = fmax(most, fabs(score[r][at] - value));
    }
    if (r < 8)
      printf("%-30s %s\n", line[r], said[r]);
  }
  fclose(expected);
  t5_context_destroy(context);
  t5_destroy(model);

  printf("%d dates, transformers writes the same: %s\n", (int)rows, same ? "yes" : "no");
  printf("largest difference of scores from transformers below 1e-4: %s\n", most < 1e-4 ? "yes" : "no");
  return !same || most >= 1e-4;
}
