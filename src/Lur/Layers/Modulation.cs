namespace Lur.Layers;

/// <summary>A condition of each sample changes its channels. Inputs x [N, ..., C] and t: [N, C] for y = x + t, or [N, 2 C], (a, b), for
/// y = x (1 + a) + b. Formulas: <c>kernels/operators/modulation.cu</c>.</summary>
/// <param name="name">Name for plans.</param>
/// <param name="scale">True for scale and shift.</param>
public sealed class Modulation(string name, bool scale = false) : Layer(name)
{
    private readonly int _scale = scale ? 1 : 0;

    private readonly record struct Sizes(int Samples, int Inner, int C, int Chunks);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        var expected = new Shape(inputs[0][0], (1 + _scale) * inputs[0].Innermost);
        return inputs[1] == expected
            ? inputs[0]
            : throw new ArgumentException($"'{Name}': the condition of {inputs[0]} is {inputs[1]}, expected {expected}.");
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var (x, t) = (Network.Input(pass, node), Network.Input(pass, node, 1));
        var y = pass.Activation($"{Name}/y", OutputShape([x.Shape, t.Shape]));
        var s = SizesOf(pass, x);
        pass.Launch.Modulation.ModulationForward(Rows(pass, x), y, x, t, s.Samples, s.Inner, s.C, _scale);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (x, t, dy) = (Network.Input(pass, node), Network.Input(pass, node, 1), pass.GradientOf(Network.Output(pass, node)));
        var s = SizesOf(pass, x);
        if (Network.NeedsInputGradient(pass, node, 1))
            Condition(pass, pass.GradientOf(t, out var add), add, x, dy, null, null);
        if (!Network.NeedsInputGradient(pass, node))
            return;
        var dx = pass.GradientOf(x, out var accumulate);
        pass.Launch.Modulation.ModulationBackward(Rows(pass, x), dx, dy, t, s.Samples, s.Inner, s.C, _scale, accumulate ? 1 : 0);
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (x, t, ty) = (Network.Input(pass, node), Network.Input(pass, node, 1), pass.TangentOf(Network.Output(pass, node)));
        var tx = node.HasInputTangent() ? pass.TangentOf(x) : null;
        var tt = node.HasInputTangent(1) ? pass.TangentOf(t) : null;
        var s = SizesOf(pass, x);
        pass.Launch.Modulation.ModulationForwardTangent(Rows(pass, x), ty, tx, tt, x, t, s.Samples, s.Inner, s.C, _scale);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (x, t, y) = (Network.Input(pass, node), Network.Input(pass, node, 1), Network.Output(pass, node));
        var (dy, tdy, s) = (pass.GradientOf(y), pass.TangentGradientOf(y), SizesOf(pass, x));
        if (node.HasInputTangent(1))
            Condition(pass, pass.TangentGradientOf(t, out var add), add, x, dy, tdy, node.HasInputTangent() ? pass.TangentOf(x) : null);
        if (!node.HasInputTangent())
            return;
        var tdx = pass.TangentGradientOf(x, out var accumulate);
        var tt = node.HasInputTangent(1) ? pass.TangentOf(t) : null;
        pass.Launch.Modulation.ModulationBackwardTangent(
            Rows(pass, x),
            tdx,
            tdy,
            dy,
            t,
            tt,
            s.Samples,
            s.Inner,
            s.C,
            _scale,
            accumulate ? 1 : 0
        );
    }

    // dt, or with tdy its tangent.
    private void Condition(NetworkPass pass, Value dt, bool add, Value x, Value dy, Value? tdy, Value? tx)
    {
        var s = SizesOf(pass, x);
        var (rows, all) = (s.Samples * s.Inner, s.Samples * s.Chunks);
        var partials = pass.Program.Real($"{dt.Name}/{Name}/partials", ValueRole.Workspace, new Shape((1 + _scale) * all, s.C));
        var kernels = pass.Launch.Modulation;
        kernels.ModulationSums(pass.Device.ColumnSums(rows, s.C, all), partials, dy, x, tdy, tx, s.Samples, s.Inner, s.C, s.Chunks, _scale);
        var finish = pass.Device.Rows((1 + _scale) * s.Samples, s.C, (1L + _scale) * all * s.C);
        kernels.ModulationFinish(finish, dt, partials, s.Samples, s.C, s.Chunks, _scale, add ? 1 : 0);
    }

    private static Lur.Device.LaunchShape Rows(NetworkPass pass, Value x) => pass.Device.Rows(x.Shape.Rows, x.Shape.Innermost);

    private static Sizes SizesOf(NetworkPass pass, Value x)
    {
        const int each = 8; // two blocks, of four chunks each where they have 64 channels
        var (samples, inner, c) = (x.Shape[0], x.Shape.Rows / x.Shape[0], x.Shape.Innermost);
        var threads = pass.Device.Properties.HasThreads;
        return new Sizes(samples, inner, c, threads ? SampleChunks.Of(pass.Device, samples, inner, c, each) : SampleChunks.Of(inner));
    }
}
