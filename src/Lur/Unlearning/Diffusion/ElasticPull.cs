using Lur.Models;
using Lur.Steps;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Adds weight F (theta - theta0) to a gradient: elastic weight consolidation (Kirkpatrick et al. 2017).</summary>
/// <param name="model">Gives theta.</param>
/// <param name="anchor">theta0.</param>
/// <param name="fisher">F, double.</param>
/// <param name="weight">Twice the weight of the penalty sum F (theta - theta0)^2.</param>
internal sealed class ElasticPull(Model model, FlatVector anchor, FlatVector fisher, double weight) : IGradientChange
{
    private const int Parts = 512;

    /// <inheritdoc/>
    /// <remarks>The report is the square of the gradient's norm afterwards.</remarks>
    public void Emit(Program program, FlatVector gradient, Operand<double> report)
    {
        var (launch, device, n) = (program.Launch, program.Device, gradient.Count);
        launch.Elastic.ElasticGradient(device.Elements(n), gradient, model.Parameters, anchor, fisher.Wide, n, weight);
        var partials = program.Raw("elastic/partials", ValueRole.Workspace, new Shape(Parts), sizeof(double));
        launch.Vector.VectorSquareSum(device.Blocks(Parts), partials, gradient, n, Parts);
        launch.Vector.VectorFinishSum(device.Blocks(1), report, partials, Parts, 1);
    }
}
