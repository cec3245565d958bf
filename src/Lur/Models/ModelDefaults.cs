namespace Lur.Models;

/// <summary>What a model file without Lur's metadata does not say, taken from the data set it is used with.</summary>
/// <param name="Height">Image height, pixels.</param>
/// <param name="Width">Image width, pixels.</param>
/// <param name="ClassNames">Names of the classes.</param>
/// <param name="Normalization">Normalisation inside the model: to measure it takes a pass over the data, which a file that says its own
/// does not need.</param>
/// <param name="Augmentation">Random changes of training images that suit the data.</param>
public sealed record ModelDefaults(
    int Height,
    int Width,
    IReadOnlyList<string> ClassNames,
    Lazy<InputNormalization> Normalization,
    Augmentation Augmentation
);
