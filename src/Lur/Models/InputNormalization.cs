namespace Lur.Models;

/// <summary>Per-channel normalisation inside the model: x = (pixel / 255 - mean) / std.</summary>
/// <param name="Mean">Mean per channel, of pixels in [0, 1].</param>
/// <param name="Std">Standard deviation per channel.</param>
public sealed record InputNormalization(IReadOnlyList<double> Mean, IReadOnlyList<double> Std);
