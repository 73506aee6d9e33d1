/* tell WEIGHTS.safetensors BEGINNING [SEED]
 *
 * Writes on, byte after byte, as long as the context has room; then looks at everything at once to see that the two
 * agree. */
#include "story.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 128, CONTEXT = 128 };

static int64_t text[CONTEXT];
static float scores[CONTEXT][VOCAB], whole[CONTEXT][VOCAB];

/* A byte drawn by its score; unlikely ones are left out. */
static int64_t draw(const float *score, uint64_t *state) {
  double weight[VOCAB], sum = 0, largest = score[0];
  for (int i = 1; i < VOCAB; ++i)
    if (score[i] > largest)
      largest = score[i];
  for (int i = 0; i < VOCAB; ++i) {
    double d = (score[i] - largest) / 0.6;
    weight[i] = d > -3 ? exp(d) : 0;
    sum += weight[i];
  }
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  double left = (double)(*state >> 11) / 9007199254740992.0 * sum;
  for (int i = 0; i < VOCAB; ++i)
    if ((left -= weight[i]) < 0)
      return i;
  return ' ';
}

int main(int argc, char **argv) {
  if (argc < 3 || strlen(argv[2]) < 1 || strlen(argv[2]) >= CONTEXT) {
    fprintf(stderr, "usage: tell WEIGHTS.safetensors BEGINNING [SEED]; the beginning has 1 .. %d bytes\n", CONTEXT - 1);
    return 2;
  }
  story *model;
  story_context *context;
  uint64_t state = argc > 3 ? strtoull(argv[3], NULL, 10) * 2654435769u + 1 : 88172645463325252u;
  if (story_create(&model, 0)) {
    fprintf(stderr, "tell: this processor lacks what the model was compiled for\n");
    return 1;
  }
  if (story_load(model, argv[1]) || story_context_create(&context, model, /*B=*/1, /*seed=*/0)) {
    fprintf(stderr, "tell: %s\n", story_error(model));
    return 1;
  }

  /* The beginning at once, then what was written last: the context remembers the rest. */
  int64_t at = 0, count = 0;
  for (const char *c = argv[2]; *c; ++c)
    text[count++] = *c & 127;
  while (at < CONTEXT) {
    if (story_read(context, count - at, text + at, at, scores[count - 1])) {
      fprintf(stderr, "tell: %s\n", story_context_error(context));
      return 1;
    }
    at = count;
    if (count < CONTEXT) {
      text[count] = draw(scores[count - 1], &state);
      ++count;
    }
  }
  for (int i = 0; i < CONTEXT; ++i)
    putchar((int)text[i]);
  putchar('\n');

  if (story_forward(context, 1, CONTEXT, text, whole[0])) {
    fprintf(stderr, "tell: %s\n", story_context_error(context));
    return 1;
  }
  double most = 0;
  for (int64_t i = (int64_t)strlen(argv[2]) - 1; i < CONTEXT; ++i)
    for (int k = 0; k < VOCAB; ++k)
      most = fmax(most, fabs((double)scores[i][k] - whole[i][k]));
  printf("all at once gives the same scores: %s\n", most < 1e-4 ? "yes" : "no");
  story_context_destroy(context);
  story_destroy(model);
  return most >= 1e-4;
}
