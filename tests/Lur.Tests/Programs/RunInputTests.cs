using Lur.Device;
using Lur.Optimizers;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Programs;

/// <summary>Numbers that the host sets between runs belong to the run they were set for.</summary>
public class RunInputTests
{
    [Test]
    public void RunsTakeTheNumbersTheyWereGivenThoughTheyComeLate([Values] bool late, [Values] bool captured)
    {
        var device = late ? TestDevices.Late : TestDevices.Default;
        var layout = new ParameterLayout();
        layout.Add("w", ParameterKind.Bias, new Shape(3));
        using var theta = new FlatVector(device, Precision.Float64, layout, "theta");
        using var gradient = new FlatVector(device, Precision.Float64, layout, "gradient");
        gradient.Set([1.0, 1, 1]);
        using var p = new Program(device, Precision.Float64) { Captured = captured };
        var numbers = p.Input<double>("numbers", new Shape(StepParameters.Count));
        p.Launch.Sgd.SgdStep(device.Elements(3), theta, default, gradient, default, numbers.Device, default, 3, 0);
        // Powers of two: the sum says of each rate how often it was used.
        for (var run = 0; run < 9; run++)
        {
            numbers.Span[(int)StepParameter.LearningRate] = 1 << run;
            p.Run();
        }
        p.Run(); // what is not set anew stays
        Assert.That(theta.ToArray(), Is.All.EqualTo(-511.0 - 256));
    }
}
