/* learn IMAGES.csv WEIGHTS.safetensors CURVE.csv
 *
 * Trains the model on four fifths of the images, epoch by epoch, and after each looks at the fifth that training has
 * not seen. Writes the weights at the end, and epoch, loss and both accuracies to CURVE.csv. Exit status 1 if fewer
 * than 97 % of the images held back are right. */
#include "digits.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, CLASSES = 10, MOST = 2000, BATCH = 32, EPOCHS = 60 };

typedef struct {
  float image[MOST][PIXELS];
  int64_t label[MOST];
  int64_t count;
} images;

static images seen, held;
static float score[MOST][CLASSES];

/* Every fifth image is held back. */
static int read_images(const char *path) {
  FILE *file = fopen(path, "r");
  int value;
  if (!file)
    return 0;
  for (int64_t line = 0; seen.count < MOST; ++line) {
    images *to = line % 5 == 4 ? &held : &seen;
    for (int i = 0; i < PIXELS; ++i) {
      if (fscanf(file, "%d,", &value) != 1) {
        fclose(file);
        return i == 0;
      }
      to->image[to->count][i] = (float)value / 16;
    }
    if (fscanf(file, "%d", &value) != 1)
      break;
    to->label[to->count++] = value;
  }
  fclose(file);
  return 0;
}

/* The same order in every run: a linear congruential generator. */
static void shuffle(void) {
  static uint64_t state = 1;
  for (int64_t i = seen.count - 1; i > 0; --i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    int64_t j = (int64_t)((state >> 33) % (uint64_t)(i + 1));
    for (int k = 0; k < PIXELS; ++k) {
      float pixel = seen.image[i][k];
      seen.image[i][k] = seen.image[j][k];
      seen.image[j][k] = pixel;
    }
    int64_t label = seen.label[i];
    seen.label[i] = seen.label[j];
    seen.label[j] = label;
  }
}

static double share_right(void) {
  int64_t right = 0;
  for (int64_t i = 0; i < held.count; ++i) {
    int best = 0;
    for (int c = 1; c < CLASSES; ++c)
      best = score[i][c] > score[i][best] ? c : best;
    right += best == held.label[i];
  }
  return (double)right / (double)held.count;
}

int main(int argc, char **argv) {
  digits *model;
  digits_context *context;
  double right = 0;
  if (argc != 4 || !read_images(argv[1]) || !held.count) {
    fprintf(stderr, "usage: learn IMAGES.csv WEIGHTS.safetensors CURVE.csv\n");
    return 1;
  }
  FILE *curve = fopen(argv[3], "w");
  if (!curve || digits_create(&model, 1) || digits_context_create(&context, model, 1))
    return 1;
  fprintf(curve, "epoch,loss,accuracy,held back\n");
  for (int epoch = 1; epoch <= EPOCHS; ++epoch) {
    double losses = 0, accuracies = 0;
    int steps = 0;
    float rate = 3e-3f * (1 - (float)(epoch - 1) / EPOCHS);
    shuffle();
    for (int64_t first = 0; first < seen.count; first += BATCH, ++steps) {
      int64_t n = seen.count - first < BATCH ? seen.count - first : BATCH;
      float loss, accuracy;
      if (digits_train_step(context, n, seen.image[first], seen.label + first, rate, &loss, &accuracy)) {
        fprintf(stderr, "%s\n", digits_context_error(context));
        return 1;
      }
      losses += loss;
      accuracies += accuracy;
    }
    if (digits_forward(context, held.count, held.image[0], score[0])) {
      fprintf(stderr, "%s\n", digits_context_error(context));
      return 1;
    }
    right = share_right();
    fprintf(curve, "%d,%.4f,%.4f,%.4f\n", epoch, losses / steps, accuracies / steps, right);
    if (epoch % 10 == 0)
      printf("epoch %2d: loss %.3f, %.1f %% right, %.1f %% of what was held back\n", epoch, losses / steps,
             100 * accuracies / steps, 100 * right);
  }
  if (fclose(curve) || digits_save(model, argv[2])) {
    fprintf(stderr, "%s\n", digits_error(model));
    return 1;
  }
  digits_context_destroy(context);
  digits_destroy(model);
  return right < 0.97;
}
