/* Images of handwritten digits for the lessons that learn from them: reading, shuffling, counting what is right. */
#ifndef IMAGES_H
#define IMAGES_H

#include <stdint.h>
#include <stdio.h>

enum { PIXELS = 64, MOST = 2000 };

typedef struct {
  float image[MOST][PIXELS];
  int64_t label[MOST];
  int64_t count;
} images;

/* The digits `first` to `last`, which get the labels 0, 1, ..; every fifth image is held back. 0 if that fails. */
static int read_images(const char *path, int first, int last, images *seen, images *held) {
  FILE *file = fopen(path, "r");
  float pixels[PIXELS];
  int value = 0, whole = 1;
  if (!file)
    return 0;
  for (int64_t line = 0; whole && line < MOST; ++line) {
    images *to = line % 5 == 4 ? held : seen;
    int i = 0;
    for (; i < PIXELS && fscanf(file, "%d,", &value) == 1; ++i)
      pixels[i] = (float)value / 16;
    if (i == 0)
      break; /* the end of the file */
    whole = i == PIXELS && fscanf(file, "%d", &value) == 1;
    if (!whole || value < first || value > last)
      continue;
    for (i = 0; i < PIXELS; ++i)
      to->image[to->count][i] = pixels[i];
    to->label[to->count++] = value - first;
  }
  fclose(file);
  return whole && seen->count && held->count;
}

/* The same order in every run: a linear congruential generator. */
static void shuffle(images *all) {
  static uint64_t state = 1;
  for (int64_t i = all->count - 1; i > 0; --i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    int64_t j = (int64_t)((state >> 33) % (uint64_t)(i + 1));
    for (int k = 0; k < PIXELS; ++k) {
      float pixel = all->image[i][k];
      all->image[i][k] = all->image[j][k];
      all->image[j][k] = pixel;
    }
    int64_t label = all->label[i];
    all->label[i] = all->label[j];
    all->label[j] = label;
  }
}

/* The share of images whose largest score is that of their label. */
static double share_right(const images *all, const float *score, int classes) {
  int64_t right = 0;
  for (int64_t i = 0; i < all->count; ++i) {
    const float *row = score + i * classes;
    int best = 0;
    for (int c = 1; c < classes; ++c)
      best = row[c] > row[best] ? c : best;
    right += best == all->label[i];
  }
  return (double)right / (double)all->count;
}

#endif
