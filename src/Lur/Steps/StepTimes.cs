namespace Lur.Steps;

/// <summary>Seconds of the parts of one step; NaN for a part that the step does not have.</summary>
/// <param name="RetainGradient">Forward and backward of the retain batch.</param>
/// <param name="ForgetGradient">Forward and backward of the forget batch.</param>
/// <param name="Product">Hessian-vector product on the retain batch.</param>
/// <param name="Update">Look-ahead and update.</param>
public readonly record struct StepTimes(double RetainGradient, double ForgetGradient, double Product, double Update);
