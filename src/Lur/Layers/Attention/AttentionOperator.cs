using Lur.Device;

namespace Lur.Layers;

/// <summary>Queries [N, L, C], keys and values [N, M, C], or their tangents; one that is left out is zero.</summary>
internal readonly record struct AttentionOperands(Operand<Real> Q, Operand<Real> K, Operand<Real> V);

/// <summary>Where a gradient goes; nothing is computed for one that is left out.</summary>
internal readonly record struct AttentionTarget(Operand<Real> To, bool Accumulate);

/// <summary>
/// The four passes of attention, formulas in kernels/operators/attention.cu: batched matrix products on the heads where they lie,
/// and maps of the rows between them, over blocks of rows whose matrices stay in the cache. Calls record into the program of the
/// launchers, or run at once.
/// </summary>
internal sealed class AttentionOperator
{
    private readonly LaunchSet _launch;
    private readonly AttentionShape _shape;
    private readonly double _scale;
    private readonly bool _causal;

    // A block: `_count` samples of one head, or heads of one sample, whichever there are more of, and `_rows` of their L rows: all
    // unless a block is one matrix. `inner` is the axis that a batch of products runs along, `outer` the other one.
    private readonly int _outer,
        _inner,
        _count,
        _rows;
    private readonly long _innerQueries,
        _innerKeys,
        _outerQueries,
        _outerKeys;

    /// <summary>Prepares the passes for one shape.</summary>
    /// <param name="launch">Launchers of a program, or of a device at once.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="causal">True where query i sees the keys 0 to i alone.</param>
    /// <param name="matrixBytes">Most bytes of scratch for one of at most four matrices, but for a row; 0 chooses.</param>
    /// <exception cref="ArgumentException">The shape is invalid.</exception>
    public AttentionOperator(LaunchSet launch, AttentionShape shape, bool causal = false, long matrixBytes = 0)
    {
        shape.Validate();
        (_launch, _shape, _causal, _scale) = (launch, shape, causal, 1 / Math.Sqrt(shape.HeadWidth));
        var (n, l, m, c, heads) = shape;
        (int Extent, long Queries, long Keys) samples = (n, (long)l * c, (long)m * c),
            ranges = (heads, shape.HeadWidth, shape.HeadWidth);
        var bySample = n >= heads;
        (_inner, _innerQueries, _innerKeys) = bySample ? samples : ranges;
        (_outer, _outerQueries, _outerKeys) = bySample ? ranges : samples;
        if (matrixBytes == 0)
            matrixBytes = Math.Clamp(launch.Device.Properties.L2CacheBytes / 8, 1 << 20, 32 << 20);
        var elements = Math.Max(1, matrixBytes / launch.Precision.Size());
        _count = (int)Math.Clamp(elements / ((long)l * m), 1, _inner);
        _rows = _count > 1 ? l : (int)Math.Clamp(elements / m, 1, l);
    }

    /// <summary>Elements of one matrix of scratch: of all blocks the largest.</summary>
    public int MatrixElements => checked(_count * _rows * _shape.M);

    /// <summary>o [N, L, C], and for the other passes lse, <see cref="AttentionShape.LogSums"/> numbers.</summary>
    public void Forward(Operand<Real> o, Operand<Real> lse, AttentionOperands x, Operand<Real> p)
    {
        foreach (var block in Blocks())
        {
            Scores(block, p, x);
            _launch.Attention.AttentionSoftmax(Launch(block), p, Sums(lse, block), block.MatrixRows, _shape.M);
            Queries(block, o, p, x.V, 1, 0);
        }
    }

    /// <summary>Gradients of q, k, v. Scratch: p, ds, one matrix each.</summary>
    /// <remarks>Targets may be one buffer, those later in the order k, v, q with accumulate: k and v are whole after the first rows
    /// of a matrix, q is not.</remarks>
    public void Backward(
        AttentionTarget dk,
        AttentionTarget dv,
        AttentionTarget dq,
        Operand<Real> dy,
        AttentionOperands x,
        Operand<Real> lse,
        Operand<Real> p,
        Operand<Real> ds
    )
    {
        foreach (var block in Blocks())
        {
            Scores(block, p, x);
            Outer(block, ds, dy, x.V, 1, 0);
            _launch.Attention.AttentionJacobian(Launch(block), p, ds, Sums(lse, block), block.MatrixRows, _shape.M);
            Keys(block, dk, ds, x.Q, _scale);
            Keys(block, dv, p, dy, 1);
            Queries(block, dq.To, ds, x.K, _scale, dq.Accumulate ? 1 : 0);
        }
    }

    /// <summary>to [N, L, C]. At least one of tq and tk is there. Scratch: p, tp, one matrix each.</summary>
    public void ForwardTangent(
        Operand<Real> to,
        AttentionOperands x,
        AttentionOperands t,
        Operand<Real> lse,
        Operand<Real> p,
        Operand<Real> tp
    )
    {
        foreach (var block in Blocks())
        {
            Scores(block, p, x);
            ScoreTangents(block, tp, x, t);
            _launch.Attention.AttentionJacobian(Launch(block), p, tp, Sums(lse, block), block.MatrixRows, _shape.M);
            Queries(block, to, tp, x.V, 1, 0);
            Queries(block, to, p, t.V, 1, 1);
        }
    }

    /// <summary>Tangents of the gradients of q, k, v; targets as in <see cref="Backward"/>, tangents as in
    /// <see cref="ForwardTangent"/>. Scratch: p, tp, ds, tds, one matrix each.</summary>
    public void BackwardTangent(
        AttentionTarget tdk,
        AttentionTarget tdv,
        AttentionTarget tdq,
        (Operand<Real> Dy, Operand<Real> Tdy) y,
        AttentionOperands x,
        AttentionOperands t,
        Operand<Real> lse,
        (Operand<Real> P, Operand<Real> Tp, Operand<Real> Ds, Operand<Real> Tds) scratch
    )
    {
        var (p, tp, ds, tds) = scratch;
        foreach (var block in Blocks())
        {
            Scores(block, p, x);
            ScoreTangents(block, tp, x, t);
            Outer(block, ds, y.Dy, x.V, 1, 0);
            Outer(block, tds, y.Tdy, x.V, 1, 0);
            Outer(block, tds, y.Dy, t.V, 1, 1);
            _launch.Attention.AttentionBackwardTangent(Launch(block), p, tp, ds, tds, Sums(lse, block), block.MatrixRows, _shape.M);
            Keys(block, tdk, tds, x.Q, _scale);
            Keys(block, tdk with { Accumulate = true }, ds, t.Q, _scale, false);
            Keys(block, tdv, p, y.Tdy, 1);
            Keys(block, tdv with { Accumulate = true }, tp, y.Dy, 1, false);
            Queries(block, tdq.To, tds, x.K, _scale, tdq.Accumulate ? 1 : 0);
            Queries(block, tdq.To, ds, t.K, _scale, 1);
        }
    }

    private readonly record struct Block(int Outer, int First, int Count, int Row, int Rows)
    {
        public int MatrixRows => Count * Rows;
    }

    private IEnumerable<Block> Blocks()
    {
        for (var outer = 0; outer < _outer; outer++)
        for (var first = 0; first < _inner; first += _count)
        for (var row = 0; row < _shape.L; row += _rows)
            yield return new Block(outer, first, Math.Min(_count, _inner - first), row, Math.Min(_rows, _shape.L - row));
    }

    private LaunchShape Launch(Block block) => _launch.Device.Blocks(block.MatrixRows, _shape.M);

    // [outer][inner][L]
    private Operand<Real> Sums(Operand<Real> lse, Block block) =>
        At(lse, (((long)block.Outer * _inner) + block.First) * _shape.L + block.Row);

    private Operand<Real> QueriesAt(Operand<Real> x, Block b) =>
        At(x, (b.Outer * _outerQueries) + (b.First * _innerQueries) + ((long)b.Row * _shape.C));

    private Operand<Real> KeysAt(Operand<Real> x, Block b) => At(x, (b.Outer * _outerKeys) + (b.First * _innerKeys));

    private Operand<Real> At(Operand<Real> x, long element) => x.At(element, _launch.Precision.Size());

    private void Scores(Block block, Operand<Real> s, AttentionOperands x)
    {
        Outer(block, s, x.Q, x.K, _scale, 0);
        if (!_causal)
            return;
        var shape = _launch.Device.Rows(block.MatrixRows, _shape.M);
        _launch.Attention.AttentionCausalMask(shape, s, block.MatrixRows, _shape.M, block.Rows, block.Row);
    }

    private void ScoreTangents(Block block, Operand<Real> ts, AttentionOperands x, AttentionOperands t)
    {
        Outer(block, ts, t.Q, x.K, _scale, 0);
        Outer(block, ts, x.Q, t.K, _scale, t.Q.IsNull ? 0 : 1);
    }

    // s [rows, M] = scale a [rows, D] b [M, D]^T + beta s
    private void Outer(Block b, Operand<Real> s, Operand<Real> queries, Operand<Real> keys, double scale, double beta)
    {
        if (queries.IsNull || keys.IsNull)
            return;
        var (c, m, d) = (_shape.C, _shape.M, _shape.HeadWidth);
        var (from, to, each) = (QueriesAt(queries, b), KeysAt(keys, b), (long)b.Rows * m);
        _launch.Products.RunBatched(false, true, b.Rows, m, d, scale, from, c, to, c, beta, s, m, _innerQueries, _innerKeys, each, b.Count);
    }

    // y [rows, D] = scale s [rows, M] x [M, D] + beta y
    private void Queries(Block b, Operand<Real> y, Operand<Real> s, Operand<Real> keys, double scale, double beta)
    {
        if (y.IsNull || keys.IsNull)
            return;
        var (c, m, d) = (_shape.C, _shape.M, _shape.HeadWidth);
        var (to, from, each) = (QueriesAt(y, b), KeysAt(keys, b), (long)b.Rows * m);
        _launch.Products.RunBatched(
            false,
            false,
            b.Rows,
            d,
            m,
            scale,
            s,
            m,
            from,
            c,
            beta,
            to,
            c,
            each,
            _innerKeys,
            _innerQueries,
            b.Count
        );
    }

    // y [M, D] (+)= scale s [rows, M]^T x [rows, D]: a sum over the blocks of a matrix, in their order
    private void Keys(Block b, AttentionTarget y, Operand<Real> s, Operand<Real> queries, double scale, bool first = true)
    {
        if (y.To.IsNull || queries.IsNull)
            return;
        var (c, m, d) = (_shape.C, _shape.M, _shape.HeadWidth);
        var (to, from, each) = (KeysAt(y.To, b), QueriesAt(queries, b), (long)b.Rows * m);
        var beta = y.Accumulate || b.Row > 0 || !first ? 1 : 0;
        _launch.Products.RunBatched(true, false, m, d, b.Rows, scale, s, m, from, c, beta, to, c, each, _innerQueries, _innerKeys, b.Count);
    }
}
