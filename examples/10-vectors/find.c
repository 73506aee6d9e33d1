/* find WEIGHTS.safetensors TEXTS.txt EXPECTED.txt QUERY...
 *
 * Prints the text that is nearest to each query. The cosines of all pairs must be those of EXPECTED.txt, and a vector
 * must not depend on the other rows of its batch. */
#include "vectors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { D = 48, CONTEXT = 96, MOST = 256 };

static char line[MOST][CONTEXT + 2];
static float vector[MOST][D], query_vector[MOST][D], cosine[MOST * MOST];

static int fail(const char *what) {
  fprintf(stderr, "find: %s\n", what);
  return 1;
}

/* The vectors of texts, all in one call: rows are as long as the longest, the rest of a row is padding. */
static nn_status embed(vectors_context *context, int count, char **text, float *result) {
  static int64_t token[MOST * CONTEXT];
  static uint8_t keep[MOST * CONTEXT];
  size_t longest = 0;
  for (int i = 0; i < count; ++i)
    longest = strlen(text[i]) > longest ? strlen(text[i]) : longest;
  longest = longest < CONTEXT ? longest : CONTEXT;
  for (int i = 0; i < count; ++i)
    for (size_t k = 0, end = strlen(text[i]); k < longest; ++k) {
      token[(size_t)i * longest + k] = k < end ? text[i][k] & 127 : 0;
      keep[(size_t)i * longest + k] = k < end;
    }
  return vectors_embed(context, count, (int64_t)longest, token, keep, result);
}

static double difference(const float *a, const float *b) {
  double most = 0;
  for (int i = 0; i < D; ++i)
    most = fmax(most, fabs((double)a[i] - b[i]));
  return most;
}

int main(int argc, char **argv) {
  vectors *model;
  vectors_context *context;
  char *text[MOST];
  int lines = 0, queries = argc - 4;
  if (argc < 5 || queries > MOST)
    return fail("usage: find WEIGHTS.safetensors TEXTS.txt EXPECTED.txt QUERY...");
  FILE *file = fopen(argv[2], "r"), *expected = fopen(argv[3], "r");
  while (file && lines < MOST && fgets(line[lines], sizeof line[lines], file)) {
    line[lines][strcspn(line[lines], "\n")] = 0;
    text[lines] = line[lines];
    ++lines;
  }
  if (!lines || !expected)
    return fail("texts or expected cosines can not be read");
  fclose(file);

  if (vectors_create(&model, 0))
    return fail("this processor lacks what the model was compiled for");
  if (vectors_load(model, argv[1]) || vectors_context_create(&context, model, 0))
    return fail(vectors_error(model));
  if (embed(context, lines, text, vector[0]) || embed(context, queries, argv + 4, query_vector[0]) ||
      vectors_similarity(context, queries, lines, query_vector[0], vector[0], cosine))
    return fail(vectors_context_error(context));

  double most = 0, alone = 0, value;
  for (int q = 0; q < queries; ++q) {
    int best = 0;
    for (int i = 0; i < lines; ++i) {
      if (fscanf(expected, "%lf", &value) != 1)
        return fail("there are too few expected cosines");
      most = fmax(most, fabs(cosine[q * lines + i] - value));
      best = cosine[q * lines + i] > cosine[q * lines + best] ? i : best;
    }
    printf("%s\n  %.2f  %s\n", argv[4 + q], cosine[q * lines + best], line[best]);
  }
  fclose(expected);
  for (int i = 0; i < lines; ++i) {
    float single[D];
    if (embed(context, 1, text + i, single))
      return fail(vectors_context_error(context));
    alone = fmax(alone, difference(single, vector[i]));
  }
  vectors_context_destroy(context);
  vectors_destroy(model);

  printf("%d cosines, largest difference from transformers below 1e-5: %s\n", queries * lines,
         most < 1e-5 ? "yes" : "no");
  printf("a text by itself has the vector that it has among others: %s\n", alone < 1e-5 ? "yes" : "no");
  return most >= 1e-5 || alone >= 1e-5;
}
