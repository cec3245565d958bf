using Lur.Device;

namespace Lur.Layers;

/// <summary>Scaled dot-product attention with heads: o = softmax(q k^T / sqrt(D)) v for each sample and head, D = C / heads channels
/// that are neighbours. Formulas of all passes: <c>kernels/operators/attention.cu</c>. Vaswani et al., 2017.</summary>
/// <remarks>A causal one lets query i see the keys 0 to i alone. Inputs: q, k, v, in that order, without weights: the projections are
/// <see cref="Linear"/> layers around it. q is [N, L, C] or an image [N, H, W, C], whose pixels are its L rows; so are k and v with M
/// rows, of one shape. They may be one value. Between the passes it keeps N heads L numbers; no matrix of L x M survives an operation,
/// and scratch is bounded.</remarks>
public sealed class Attention : Layer
{
    private readonly int _heads;
    private readonly bool _causal;

    /// <summary>Creates the layer.</summary>
    /// <param name="name">Name.</param>
    /// <param name="heads">Number of heads; it divides the channels.</param>
    /// <param name="causal">True for keys up to the query's own number alone.</param>
    public Attention(string name, int heads, bool causal = false)
        : base(name) => (_heads, _causal) = (heads, causal);

    private sealed record Cache(AttentionOperator Op, Value Lse);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There are not three inputs of rank 3 or 4, they do not fit, or the heads do not divide the
    /// channels.</exception>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (inputs.Length != 3)
            throw new ArgumentException($"'{Name}' takes queries, keys and values; it gets {inputs.Length} inputs.");
        var (q, k, v) = (inputs[0], inputs[1], inputs[2]);
        if (q.Rank < 3 || k.Rank < 3)
            throw new ArgumentException($"'{Name}' takes [N, rows, C] or [N, H, W, C]; its queries are {q}, its keys {k}.");
        if (k != v)
            throw new ArgumentException($"'{Name}': the keys are {k}, the values {v}; they have one shape.");
        if (q[0] != k[0] || q.Innermost != k.Innermost)
            throw new ArgumentException($"'{Name}': the queries are {q}, the keys {k}; samples and channels are to be equal.");
        if (_heads < 1 || q.Innermost % _heads != 0)
            throw new ArgumentException($"'{Name}': {_heads} heads do not divide {q.Innermost} channels.");
        return q;
    }

    /// <inheritdoc/>
    public override Value Forward(NetworkPass pass, Node node)
    {
        var (q, k, v) = (Network.Input(pass, node), Network.Input(pass, node, 1), Network.Input(pass, node, 2));
        var y = pass.Activation($"{Name}/y", OutputShape([q.Shape, k.Shape, v.Shape]));
        var (n, c) = (q.Shape[0], q.Shape.Innermost);
        var shape = new AttentionShape(n, q.Shape.Rows / n, k.Shape.Rows / n, c, _heads);
        var op = new AttentionOperator(pass.Launch, shape, _causal);
        var lse = pass.Cache($"{Name}/lse", new Shape(shape.LogSums));
        pass.Remember(node.Index, new Cache(op, lse));
        op.Forward(y, lse, Inputs(pass, node), Matrix(pass, op, "forward/p"));
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(NetworkPass pass, Node node)
    {
        var (op, lse) = pass.Recall<Cache>(node.Index);
        AttentionTarget To(int which) =>
            Network.NeedsInputGradient(pass, node, which)
                ? new(pass.GradientOf(Network.Input(pass, node, which), out var accumulate), accumulate)
                : default;
        var (dk, dv, dq) = (To(1), To(2), To(0));
        Operand<Real> dy = pass.GradientOf(Network.Output(pass, node));
        op.Backward(dk, dv, dq, dy, Inputs(pass, node), lse, Matrix(pass, op, "backward/p"), Matrix(pass, op, "backward/ds"));
    }

    /// <inheritdoc/>
    public override void ForwardTangent(NetworkPass pass, Node node)
    {
        var (op, lse) = pass.Recall<Cache>(node.Index);
        var (p, tp) = (Matrix(pass, op, "forward-tangent/p"), Matrix(pass, op, "forward-tangent/tp"));
        op.ForwardTangent(pass.TangentOf(Network.Output(pass, node)), Inputs(pass, node), Tangents(pass, node), lse, p, tp);
    }

    /// <inheritdoc/>
    public override void BackwardTangent(NetworkPass pass, Node node)
    {
        var (op, lse) = pass.Recall<Cache>(node.Index);
        AttentionTarget To(int which) =>
            node.HasInputTangent(which)
                ? new(pass.TangentGradientOf(Network.Input(pass, node, which), out var accumulate), accumulate)
                : default;
        var (tdk, tdv, tdq) = (To(1), To(2), To(0));
        var y = Network.Output(pass, node);
        Operand<Real> Scratch(string what) => Matrix(pass, op, $"backward-tangent/{what}");
        op.BackwardTangent(
            tdk,
            tdv,
            tdq,
            (pass.GradientOf(y), pass.TangentGradientOf(y)),
            Inputs(pass, node),
            Tangents(pass, node),
            lse,
            (Scratch("p"), Scratch("tp"), Scratch("ds"), Scratch("tds"))
        );
    }

    private static AttentionOperands Inputs(NetworkPass pass, Node node) =>
        new(Network.Input(pass, node), Network.Input(pass, node, 1), Network.Input(pass, node, 2));

    // Where neither q nor k depends on the weights, zeros stand in for the tangent of q: the matrix of the tangents is to be written.
    private static AttentionOperands Tangents(NetworkPass pass, Node node)
    {
        Operand<Real> Of(int which) => node.HasInputTangent(which) ? pass.TangentOf(Network.Input(pass, node, which)) : default;
        var q = node.HasInputTangent() || !node.HasInputTangent(1) ? Network.InputTangent(pass, node) : default(Operand<Real>);
        return new(q, Of(1), Of(2));
    }

    private Operand<Real> Matrix(NetworkPass pass, AttentionOperator op, string what) =>
        pass.Program.Scratch($"{pass.Name}/{Name}/{what}", op.MatrixElements);
}
