/* generate WEIGHTS.safetensors EXPECTED.txt BEGINNING...
 *
 * Writes on after all beginnings at once (they are of equal length), always with the most likely byte. The bytes and
 * the scores of the last one must be those of EXPECTED.txt, and the scores of all bytes what one pass over the whole
 * gives. */
#include "llama.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VOCAB = 128, CONTEXT = 128, MOST = 8 };

static int64_t text[MOST][CONTEXT];
static float scores[CONTEXT][MOST][VOCAB], whole[MOST][CONTEXT][VOCAB];

static int fail(const char *what) {
  fprintf(stderr, "generate: %s\n", what);
  return 1;
}

static int64_t best(const float *score) {
  int64_t result = 0;
  for (int i = 1; i < VOCAB; ++i)
    if (score[i] > score[result])
      result = i;
  return result;
}

int main(int argc, char **argv) {
  llama *model;
  llama_context *context;
  int rows = argc - 3;
  int64_t at = 0, count = rows < 1 ? 0 : (int64_t)strlen(argv[3]), beginning = count, token[MOST * CONTEXT];
  if (rows < 1 || rows > MOST || count < 1 || count >= CONTEXT)
    return fail("usage: generate WEIGHTS.safetensors EXPECTED.txt BEGINNING...");
  for (int r = 0; r < rows; ++r) {
    if ((int64_t)strlen(argv[3 + r]) != count)
      return fail("the beginnings must be of equal length");
    for (int64_t i = 0; i < count; ++i)
      text[r][i] = argv[3 + r][i] & 127;
  }
  FILE *expected = fopen(argv[2], "r");
  if (!expected)
    return fail("the expected text can not be read");

  if (llama_create(&model, 0))
    return fail("this processor lacks what the model was compiled for");
  if (llama_load(model, argv[1]) || llama_context_create(&context, model, /*B=*/rows, /*seed=*/0))
    return fail(llama_error(model));

  /* The beginnings in one call, then byte after byte. */
  for (;;) {
    for (int r = 0; r < rows; ++r)
      memcpy(token + r * (count - at), text[r] + at, (size_t)(count - at) * sizeof *token);
    if (llama_next(context, count - at, token, at, scores[count - 1][0]))
      return fail(llama_context_error(context));
    at = count;
    if (count == CONTEXT)
      break;
    for (int r = 0; r < rows; ++r)
      text[r][count] = best(scores[count - 1][r]);
    ++count;
  }
  if (llama_forward(context, rows, CONTEXT, text[0], whole[0][0]))
    return fail(llama_context_error(context));

  int same = 1;
  double from_original = 0, from_whole = 0, value;
  for (int r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < CONTEXT; ++i) {
      same = same && fscanf(expected, "%lf", &value) == 1 && (int64_t)value == text[r][i];
      putchar((int)text[r][i]);
    }
    printf("\n\n");
    for (int k = 0; k < VOCAB; ++k) {
      same = same && fscanf(expected, "%lf", &value) == 1;
      from_original = fmax(from_original, fabs(scores[CONTEXT - 1][r][k] - value));
    }
    for (int64_t i = beginning - 1; i < CONTEXT; ++i)
      for (int k = 0; k < VOCAB; ++k)
        from_whole = fmax(from_whole, fabs((double)scores[i][r][k] - whole[r][i][k]));
  }
  fclose(expected);
  llama_context_destroy(context);
  llama_destroy(model);

  printf("transformers writes the same: %s\n", same ? "yes" : "no");
  printf("largest difference of scores from transformers below 1e-4: %s\n", from_original < 1e-4 ? "yes" : "no");
  printf("largest difference of scores from a pass over the whole below 1e-4: %s\n", from_whole < 1e-4 ? "yes" : "no");
  return !same || from_original >= 1e-4 || from_whole >= 1e-4;
}
