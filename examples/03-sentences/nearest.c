/* nearest WEIGHTS.safetensors WORDS.txt SENTENCES.txt QUERY...
 *
 * Prints the sentences that are nearest in meaning to each query. */
#include "sentences.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 48, LONGEST = 24, MOST = 256, LINE = 512, VOCABULARY = 2048 };

static char word[VOCABULARY][32], line[MOST][LINE];
static int words;
static float vector[MOST][D], query_vector[MOST][D], cosine[MOST * MOST];

static int fail(const char *what) {
  fprintf(stderr, "nearest: %s\n", what);
  return 1;
}

/* The words of a sentence as numbers, and which of them count. Rows are of equal length: what is missing is padding. */
static void tokens_of(const char *text, int64_t *token, uint8_t *keep) {
  char letters[32];
  int place = 0, length = 0;
  memset(token, 0, LONGEST * sizeof *token);
  memset(keep, 0, LONGEST);
  for (;; ++text) {
    if (isalpha((unsigned char)*text) && length < 31)
      letters[length++] = (char)tolower((unsigned char)*text);
    else if (length && *text != '\'') {
      letters[length] = 0;
      length = 0;
      for (int w = 0; w < words; ++w)
        if (strcmp(word[w], letters) == 0) {
          token[place] = w;
          keep[place] = 1;
        }
      if (++place == LONGEST)
        return;
    }
    if (!*text)
      return;
  }
}

static nn_status embed(sentences_context *context, int count, char **text, float *result) {
  static int64_t token[MOST][LONGEST];
  static uint8_t keep[MOST][LONGEST];
  for (int i = 0; i < count; ++i)
    tokens_of(text[i], token[i], keep[i]);
  return sentences_embed(context, count, LONGEST, token[0], keep[0], result);
}

static int read_lines(const char *path, char *into, int most, int size) {
  FILE *file = fopen(path, "r");
  int count = 0;
  if (!file)
    return 0;
  while (count < most && fgets(into + count * size, size, file)) {
    into[count * size + (int)strcspn(into + count * size, "\n")] = 0;
    ++count;
  }
  fclose(file);
  return count;
}

int main(int argc, char **argv) {
  sentences *model;
  sentences_context *context;
  char *text[MOST];
  int lines, queries = argc - 4;
  if (argc < 5 || queries > MOST)
    return fail("usage: nearest WEIGHTS.safetensors WORDS.txt SENTENCES.txt QUERY...");
  words = read_lines(argv[2], word[0], VOCABULARY, sizeof word[0]);
  lines = read_lines(argv[3], line[0], MOST, LINE);
  if (!words || !lines)
    return fail("words or sentences can not be read");
  for (int i = 0; i < lines; ++i)
    text[i] = line[i];

  if (sentences_create(&model, 0) != NN_OK)
    return fail("the model can not be created");
  if (sentences_load(model, argv[1]) != NN_OK || sentences_context_create(&context, model, 0) != NN_OK)
    return fail(sentences_error(model));
  if (embed(context, lines, text, vector[0]) != NN_OK || embed(context, queries, argv + 4, query_vector[0]) != NN_OK ||
      sentences_similarity(context, queries, lines, query_vector[0], vector[0], cosine) != NN_OK)
    return fail(sentences_context_error(context));

  for (int q = 0; q < queries; ++q) {
    float *row = cosine + q * lines;
    printf("%s\n", argv[4 + q]);
    for (int rank = 0; rank < 3; ++rank) {
      int best = 0;
      for (int i = 1; i < lines; ++i)
        if (row[i] > row[best])
          best = i;
      printf("  %.2f  %s\n", row[best], line[best]);
      row[best] = -2;
    }
  }
  sentences_context_destroy(context);
  sentences_destroy(model);
  return 0;
}
