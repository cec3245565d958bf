using Lur.Layers;

namespace Lur.Models;

/// <summary>y = proj_out(blocks(proj_in(group_norm(x)))) + x, a transformer over the pixels of an image and the rows of a prompt, as
/// diffusers' Transformer2DModel. A block: h += attn1(norm1(h)), h += attn2(norm2(h), context), h += ff(norm3(h)).</summary>
internal sealed class UNetTransformer : UNetAttending
{
    // diffusers takes these whatever the configuration says.
    private const double GroupEpsilon = 1e-6,
        LayerEpsilon = 1e-5;

    private readonly string _name;
    private readonly GroupNorm _norm;
    private readonly Layer _in,
        _out;
    private readonly Block[] _blocks;

    public UNetTransformer(string name, int width, int heads, UNetSpec spec)
    {
        _name = name;
        _norm = new GroupNorm(name + ".norm", width, spec.Groups, GroupEpsilon);
        (_in, _out) = (Project("proj_in"), Project("proj_out"));
        var blocks = Sequences.Range(0, spec.TransformerBlocks);
        _blocks =
        [
            .. blocks.Select(k => new Block(
                FormattableString.Invariant($"{name}.transformer_blocks.{k}"),
                width,
                heads,
                spec.ContextWidth
            )),
        ];
        Layer Project(string what) =>
            spec.LinearProjection
                ? new Linear($"{name}.{what}", width, width)
                : new Convolution($"{name}.{what}", width, width, 1, bias: true);
    }

    public override void Register(Network network)
    {
        network.Register(_norm);
        network.Register(_in);
        foreach (var block in _blocks)
            block.Register(network);
        network.Register(_out);
    }

    public override int Add(Network network, int x, int context)
    {
        var h = network.Add(_in, network.Add(_norm, x));
        foreach (var block in _blocks)
            h = block.Add(network, h, context);
        return network.Add(new Add(_name), x, network.Add(_out, h));
    }

    private sealed class Block(string name, int width, int heads, int contextWidth)
    {
        private readonly LayerNorm _norm1 = new(name + ".norm1", width, LayerEpsilon),
            _norm2 = new(name + ".norm2", width, LayerEpsilon),
            _norm3 = new(name + ".norm3", width, LayerEpsilon);
        private readonly Projections _self = new(name + ".attn1", width, width, heads),
            _cross = new(name + ".attn2", width, contextWidth, heads);
        private readonly Linear _wide = new(name + ".ff.net.0.proj", width, 8 * width),
            _narrow = new(name + ".ff.net.2", 4 * width, width);

        public void Register(Network network)
        {
            network.Register(_norm1);
            _self.Register(network);
            network.Register(_norm2);
            _cross.Register(network);
            network.Register(_norm3);
            network.Register(_wide);
            network.Register(_narrow);
        }

        public int Add(Network network, int h, int context)
        {
            var n = network.Add(_norm1, h);
            h = network.Add(new Add(name + ".add1"), h, _self.Add(network, n, n));
            h = network.Add(new Add(name + ".add2"), h, _cross.Add(network, network.Add(_norm2, h), context));
            var g = network.Add(new Geglu(name + ".ff.geglu"), network.Add(_wide, network.Add(_norm3, h)));
            return network.Add(new Add(name + ".add3"), h, network.Add(_narrow, g));
        }
    }

    // to_out(attention(to_q(x), to_k(context), to_v(context)))
    private sealed class Projections(string name, int width, int contextWidth, int heads)
    {
        private readonly Linear _q = new(name + ".to_q", width, width, bias: false),
            _k = new(name + ".to_k", contextWidth, width, bias: false),
            _v = new(name + ".to_v", contextWidth, width, bias: false),
            _out = new(name + ".to_out.0", width, width);

        public void Register(Network network)
        {
            foreach (var layer in new[] { _q, _k, _v, _out })
                network.Register(layer);
        }

        public int Add(Network network, int x, int context)
        {
            var (q, k, v) = (network.Add(_q, x), network.Add(_k, context), network.Add(_v, context));
            return network.Add(_out, network.Add(new Attention(name + ".attention", heads), q, k, v));
        }
    }
}
