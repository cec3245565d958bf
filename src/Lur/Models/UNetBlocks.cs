using Lur.Layers;

namespace Lur.Models;

/// <summary>h = conv2(dropout(silu(norm2(conv1(silu(norm1(x))), e)))), y = scale (shortcut(x) + h): the residual block of a UNet, as
/// diffusers' ResnetBlock2D.</summary>
internal sealed class UNetResidual
{
    private readonly string _name;
    private readonly bool _scaleShift;
    private readonly double _dropout,
        _scale;
    private readonly GroupNorm _norm1,
        _norm2;
    private readonly Convolution _conv1,
        _conv2;
    private readonly Convolution? _shortcut;
    private readonly Linear _time;

    public UNetResidual(string name, int inputs, int outputs, int embedding, UNetSpec spec, double scale)
    {
        (_name, _scaleShift, _dropout, _scale) = (name, spec.ScaleShift, spec.Dropout, scale);
        _norm1 = new GroupNorm(name + ".norm1", inputs, spec.Groups, spec.Epsilon, silu: true);
        _conv1 = new Convolution(name + ".conv1", inputs, outputs, 3, bias: true);
        _time = new Linear(name + ".time_emb_proj", embedding, spec.ScaleShift ? 2 * outputs : outputs);
        // Scale and shift stand between normalisation and activation.
        _norm2 = new GroupNorm(name + ".norm2", outputs, spec.Groups, spec.Epsilon, silu: !spec.ScaleShift);
        _conv2 = new Convolution(name + ".conv2", outputs, outputs, 3, bias: true);
        _shortcut = inputs == outputs ? null : new Convolution(name + ".conv_shortcut", inputs, outputs, 1, bias: true);
    }

    public void Register(Network network)
    {
        foreach (var layer in new Layer?[] { _norm1, _conv1, _time, _norm2, _conv2, _shortcut })
            if (layer is not null)
                network.Register(layer);
    }

    /// <summary>Appends the block.</summary>
    /// <param name="network">The network.</param>
    /// <param name="x">Node of the input.</param>
    /// <param name="embedding">Node of the embedding, behind its SiLU.</param>
    /// <returns>Node of the output.</returns>
    public int Add(Network network, int x, int embedding)
    {
        var h = network.Add(_conv1, network.Add(_norm1, x));
        var t = network.Add(_time, embedding);
        if (_scaleShift)
            h = network.Add(
                new Silu(_name + ".silu"),
                network.Add(new Modulation(_name + ".time", scale: true), network.Add(_norm2, h), t)
            );
        else
            h = network.Add(_norm2, network.Add(new Modulation(_name + ".time"), h, t));
        if (_dropout > 0)
            h = network.Add(new Dropout(_name + ".dropout", _dropout), h);
        h = network.Add(_conv2, h);
        return network.Add(new Add(_name, _scale), _shortcut is null ? x : network.Add(_shortcut, x), h);
    }
}

/// <summary>What stands behind a residual block of a level with attention.</summary>
internal abstract class UNetAttending
{
    /// <summary>Registers its layers in diffusers' order.</summary>
    public abstract void Register(Network network);

    /// <summary>Appends it.</summary>
    /// <param name="network">The network.</param>
    /// <param name="x">Node of the image.</param>
    /// <param name="context">Node of the rows of the prompts, where there are any.</param>
    /// <returns>Node of the output.</returns>
    public abstract int Add(Network network, int x, int context = 0);
}

/// <summary>y = scale (to_out(attention(to_q(n), to_k(n), to_v(n))) + x), n = group_norm(x), over the positions of an image: the
/// attention of a UNet, as diffusers' Attention in UNet2DModel.</summary>
internal sealed class UNetAttention : UNetAttending
{
    private readonly string _name;
    private readonly int _heads;
    private readonly double _scale;
    private readonly GroupNorm? _norm;
    private readonly Linear _q,
        _k,
        _v,
        _out;

    public UNetAttention(string name, int width, int heads, int? groups, double epsilon, double scale)
    {
        (_name, _heads, _scale) = (name, heads, scale);
        _norm = groups is { } g ? new GroupNorm(name + ".group_norm", width, g, epsilon) : null;
        (_q, _k, _v) = (Project("to_q"), Project("to_k"), Project("to_v"));
        _out = Project("to_out.0");
        Linear Project(string what) => new($"{name}.{what}", width, width);
    }

    public override void Register(Network network)
    {
        foreach (var layer in new Layer?[] { _norm, _q, _k, _v, _out })
            if (layer is not null)
                network.Register(layer);
    }

    public override int Add(Network network, int x, int context = 0)
    {
        var n = _norm is null ? x : network.Add(_norm, x);
        var o = network.Add(new Attention(_name + ".attention", _heads), network.Add(_q, n), network.Add(_k, n), network.Add(_v, n));
        return network.Add(new Add(_name, _scale), x, network.Add(_out, o));
    }
}
