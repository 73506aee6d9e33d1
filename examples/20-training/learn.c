/* learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]
 *
 * Trains the model on four fifths of the images, epoch by epoch, and after each looks at the fifth that training has
 * not seen. Writes the weights at the end, and epoch, loss and both accuracies to CURVE.csv. Exit status 1 if fewer
 * than 97 % of the images held back are right. */
#include "digits.h"
#include "images.h"

#include <stdlib.h>

enum { CLASSES = 10, BATCH = 32 };

static images seen, held;
static float score[MOST][CLASSES];

int main(int argc, char **argv) {
  digits *model;
  digits_context *context;
  double right = 0;
  int epochs = argc > 4 ? atoi(argv[4]) : 60;
  if (argc < 4 || !read_images(argv[1], 0, CLASSES - 1, &seen, &held)) {
    fprintf(stderr, "usage: learn IMAGES.csv WEIGHTS.safetensors CURVE.csv [EPOCHS]\n");
    return 1;
  }
  FILE *curve = fopen(argv[3], "w");
  if (!curve || digits_create(&model, 1) || digits_context_create(&context, model, 1))
    return 1;
  fprintf(curve, "epoch,loss,accuracy,held back\n");
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    double losses = 0, accuracies = 0;
    int steps = 0;
    float rate = 3e-3f * (1 - (float)(epoch - 1) / (float)epochs);
    shuffle(&seen);
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
    right = share_right(&held, score[0], CLASSES);
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
