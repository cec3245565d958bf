namespace Lur.Unlearning;

/// <summary>Seconds of the parts of one step of LUR; NaN for a part that the step does not have.</summary>
/// <param name="RetainGradient">Forward and backward of the retain batch.</param>
/// <param name="ForgetGradient">Forward and backward of the forget batch.</param>
/// <param name="Product">Hessian-vector product on the retain batch.</param>
/// <param name="Update">Look-ahead and meta-update.</param>
public readonly record struct LurStepTimes(double RetainGradient, double ForgetGradient, double Product, double Update);
