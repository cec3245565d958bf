using Lur.Tests.Reference;

namespace Lur.Tests.Golden;

/// <summary>The float64 reference that the kernels are compared with is itself torch.optim.SGD.</summary>
public class SgdReferenceTests
{
    private static readonly string[] Cases = ["plain", "decay", "momentum", "momentum_decay", "nesterov", "nesterov_decay"];

    // Five steps of a handful of roundings on numbers of size 1 to 10: 1e-14 absolute is some 50 units of 2.2e-16.
    [TestCaseSource(nameof(Cases))]
    public void TheReferenceFollowsTorch(string name)
    {
        var fixture = Fixture.Open("sgd");
        var o = fixture.Doubles(name + "/options");
        var theta = fixture.Doubles(name + "/theta0");
        var n = theta.Length;
        var buffer = o[1] != 0 ? new double[n] : null;
        var options = new Optimisation.Options(o[0], o[1], o[2], o[3] != 0);
        var gradients = fixture.Doubles(name + "/gradients");
        for (var step = 0; step < fixture.Shape(name + "/theta")[0]; step++)
        {
            Optimisation.Sgd(theta, buffer, gradients[(step * n)..((step + 1) * n)], null, options);
            Assert.That(theta, Is.EqualTo(fixture.Doubles(name + "/theta")[(step * n)..((step + 1) * n)]).Within(1e-14));
            if (buffer != null)
                Assert.That(buffer, Is.EqualTo(fixture.Doubles(name + "/momentum")[(step * n)..((step + 1) * n)]).Within(1e-14));
        }
    }
}
