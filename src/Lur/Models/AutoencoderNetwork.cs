using Lur.Layers;

namespace Lur.Models;

/// <summary>Builds the two halves of an <see cref="AutoencoderSpec"/>, with diffusers' names of the tensors.</summary>
/// <param name="spec">The autoencoder.</param>
/// <param name="half">Name of the half: encoder or decoder.</param>
internal sealed class AutoencoderNetwork(AutoencoderSpec spec, string half)
{
    // In every normalisation of the two halves.
    private const double Epsilon = 1e-6;

    private Network _network = null!;
    private int _h,
        _channels;

    private int Last => spec.Widths.Count - 1;

    public Network Encode(int height, int width)
    {
        _network = new Network(height, width, spec.InputChannels);
        Convolve("conv_in", -1, spec.InputChannels, spec.Widths[0]);
        for (var level = 0; level <= Last; level++)
        {
            for (var j = 0; j < spec.Layers; j++)
                Residual($"down_blocks.{level}.resnets.{j}", spec.Widths[level]);
            if (level < Last)
                Halve($"down_blocks.{level}.downsamplers.0.conv");
        }

        Middle();
        Tail(2 * spec.LatentChannels);
        Project("quant_conv", 2 * spec.LatentChannels);
        return _network;
    }

    public Network Decode(int height, int width)
    {
        var (h, w) = (height / spec.Downscale, width / spec.Downscale);
        _network = new Network(h, w, spec.LatentChannels);
        _h = -1;
        Project("post_quant_conv", spec.LatentChannels);
        Convolve("conv_in", _h, spec.LatentChannels, spec.Widths[Last]);
        Middle();
        for (var level = 0; level <= Last; level++)
        {
            for (var j = 0; j <= spec.Layers; j++)
                Residual($"up_blocks.{level}.resnets.{j}", spec.Widths[Last - level]);
            if (level == Last)
                continue;
            (h, w) = (2 * h, 2 * w);
            _h = _network.Add(new Upsample(Name($"up_blocks.{level}.upsamplers.0"), h, w), _h);
            Convolve($"up_blocks.{level}.upsamplers.0.conv", _h, _channels, _channels);
        }

        Tail(spec.OutputChannels);
        return _network;
    }

    private void Middle()
    {
        Residual("mid_block.resnets.0", _channels);
        var attention = new UNetAttention(Name("mid_block.attentions.0"), _channels, 1, spec.Groups, Epsilon, 1);
        _h = attention.Add(_network, _h, context: _h);
        Residual("mid_block.resnets.1", _channels);
    }

    private void Tail(int outputs)
    {
        _h = _network.Add(new GroupNorm(Name("conv_norm_out"), _channels, spec.Groups, Epsilon, silu: true), _h);
        Convolve("conv_out", _h, _channels, outputs);
    }

    // h = conv2(silu(norm2(conv1(silu(norm1(x)))))), y = shortcut(x) + h: a residual block that no time reaches.
    private void Residual(string name, int outputs)
    {
        var (of, x) = (Name(name), _h);
        var h = _network.Add(new GroupNorm(of + ".norm1", _channels, spec.Groups, Epsilon, silu: true), x);
        h = _network.Add(new Convolution(of + ".conv1", _channels, outputs, 3, bias: true), h);
        h = _network.Add(new GroupNorm(of + ".norm2", outputs, spec.Groups, Epsilon, silu: true), h);
        h = _network.Add(new Convolution(of + ".conv2", outputs, outputs, 3, bias: true), h);
        if (_channels != outputs)
            x = _network.Add(new Convolution(of + ".conv_shortcut", _channels, outputs, 1, bias: true), x);
        (_h, _channels) = (_network.Add(new Add(of), x, h), outputs);
    }

    // Zeros right and below alone.
    private void Halve(string name) =>
        _h = _network.Add(new Convolution(Name(name), _channels, _channels, 3, 2, Padding.EndOnly(1), bias: true), _h);

    private void Convolve(string name, int x, int inputs, int outputs)
    {
        _h = _network.Add(new Convolution(Name(name), inputs, outputs, 3, bias: true), x);
        _channels = outputs;
    }

    // Beside the halves in a file, not in them.
    private void Project(string name, int channels) => _h = _network.Add(new Convolution(name, channels, channels, 1, bias: true), _h);

    private string Name(string name) => $"{half}.{name}";
}
