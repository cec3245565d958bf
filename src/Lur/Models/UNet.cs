using Lur.Layers;

namespace Lur.Models;

/// <summary>Builds the network of a <see cref="UNetSpec"/>. Inputs: images [N, H, W, C], time int [N], and with a condition classes
/// int [N], or the rows of prompts [N, rows, width]. Names and order of tensors are diffusers' (UNet2DModel and
/// UNet2DConditionModel).</summary>
internal sealed class UNet(UNetSpec spec)
{
    /// <summary>Tensor of the row for no class, where it stands alone.</summary>
    public const string NullRow = "null_class";

    /// <summary>State with the rows of the prompts, those of no prompt last.</summary>
    public const string PromptRows = "prompts";

    /// <summary>Stands before the names of a text encoder's tensors where it is trained with the network.</summary>
    public const string TextPrefix = "text_encoder.";

    private readonly Network _network = new(spec.Input.Height, spec.Input.Width, spec.Input.Channels);
    private readonly Stack<(int Node, int Height, int Width)> _skips = new();
    private int _embedding, // SiLU of what the blocks are conditioned on
        _context, // rows of the prompts, where there are any
        _h,
        _channels,
        _height = spec.Input.Height,
        _width = spec.Input.Width;

    private bool Prompts => spec.Condition == ClassCondition.Prompt;
    private int First => spec.Widths[0];
    private int Embedding => 4 * First;
    private int EmbeddingOfBlocks => spec.Condition == ClassCondition.Concatenated ? 2 * Embedding : Embedding;

    /// <summary>Builds it.</summary>
    /// <exception cref="UserErrorException">The images cannot be halved as often as there are levels.</exception>
    public Network Build()
    {
        var halvings = 1 << (spec.Widths.Count - 1);
        // The way up of diffusers' UNet2DConditionModel takes its sizes from the way down; that of UNet2DModel doubles.
        if (!Prompts && (spec.Input.Height % halvings != 0 || spec.Input.Width % halvings != 0))
        {
            throw new UserErrorException(
                $"A UNet of {spec.Widths.Count} levels halves its images {spec.Widths.Count - 1} times: {spec.Input.Width} x "
                    + $"{spec.Input.Height} pixels are not a multiple of {halvings}. Use fewer levels, or images of another size."
            );
        }

        var stem = Convolve("conv_in", spec.Input.Channels, First);
        _network.Register(stem);
        Condition();
        _h = _network.Add(stem, spec.CenterInput ? _network.Add(new Affine("center", 2, -1), -1) : -1);
        (_channels, _height, _width) = (First, spec.Input.Height, spec.Input.Width);
        _skips.Push((_h, _height, _width));
        for (var level = 0; level < spec.Widths.Count; level++)
            Down(level);
        // diffusers lists the way up before the middle, which runs first.
        var up = Sequences.Range(0, spec.Widths.Count).Select(UpBlocks).ToArray();
        foreach (var level in up)
            level.Register(_network);
        Middle();
        for (var level = 0; level < up.Length; level++)
            Up(level, up[level]);
        _h = _network.Add(Norm("conv_norm_out", First, silu: true), _h);
        _network.Add(Convolve("conv_out", First, spec.Outputs), _h);
        return _network;
    }

    private void Condition()
    {
        var time = _network.AddInput(UNetInputs.Time, null);
        var e = Mlp("time_embedding", Sinusoids("time_proj", time));
        if (Prompts)
            _context = Context();
        else if (spec.Condition != ClassCondition.None)
        {
            var classes = _network.AddInput(UNetInputs.Class, null);
            if (spec.Condition == ClassCondition.Table)
                e = _network.Add(
                    new Add("embedding"),
                    e,
                    _network.Add(new Embedding("class_embedding", spec.TableRows, Embedding), classes)
                );
            else if (spec.Condition == ClassCondition.TimeStep)
                e = _network.Add(new Add("embedding"), e, Mlp("class_embedding", Sinusoids("class_proj", classes)));
            else
                e = _network.Add(
                    new Concat("embedding"),
                    e,
                    Mlp(
                        "class_embedding",
                        _network.Add(new Embedding("class_table", spec.TableRows, First, spec.NullRow ? NullRow : null), classes)
                    )
                );
        }

        _embedding = _network.Add(new Silu("embedding.silu"), e);
    }

    // Without prompts of its own it is given their rows.
    private int Context()
    {
        if (spec.ClassCount == 0)
            return _network.AddInput(UNetInputs.Context, new Shape(spec.ContextLength, spec.ContextWidth));
        var ids = _network.AddInput(UNetInputs.Class, null);
        if (spec.Encoder is not { } text)
            return _network.Add(new PromptTable(PromptRows, spec.TableRows, spec.ContextLength, spec.ContextWidth), ids);
        var tokens = _network.Add(new PromptTokens(PromptRows, spec.TableRows, spec.ContextLength), ids);
        return ClipText.Append(_network, text, tokens, TextPrefix);
    }

    private int Sinusoids(string name, int of) => _network.Add(new TimeEmbedding(name, First, spec.FrequencyShift, spec.CosinesFirst), of);

    private int Mlp(string name, int x)
    {
        x = _network.Add(new Linear($"{name}.linear_1", First, Embedding), x);
        x = _network.Add(new Silu($"{name}.silu"), x);
        return _network.Add(new Linear($"{name}.linear_2", Embedding, Embedding), x);
    }

    private void Down(int level)
    {
        var (width, name) = (spec.Widths[level], Name("down_blocks", level));
        var residuals = Sequences.Range(0, spec.Layers).Select(j => Residual($"{name}.resnets.{j}", j == 0 ? _channels : width, width, 1));
        var blocks = residuals.ToArray();
        var attentions = spec.DownAttention[level]
            ? blocks.Select((_, j) => Attention($"{name}.attentions.{j}", level, width)).ToArray()
            : [];
        Register(attentions, blocks);
        for (var j = 0; j < blocks.Length; j++)
        {
            _h = blocks[j].Add(_network, _h, _embedding);
            if (attentions.Length > 0)
                _h = attentions[j].Add(_network, _h, _context);
            _skips.Push((_h, _height, _width));
        }

        _channels = width;
        if (level == spec.Widths.Count - 1)
            return;
        var padding = spec.EndPadding ? Padding.EndOnly(1) : Padding.Symmetric(1);
        _h = _network.Add(new Convolution($"{name}.downsamplers.0.conv", width, width, 3, 2, padding, bias: true), _h);
        (_height, _width) = spec.EndPadding ? (_height / 2, _width / 2) : ((_height + 1) / 2, (_width + 1) / 2);
        _skips.Push((_h, _height, _width));
    }

    private void Middle()
    {
        var (width, scale) = (_channels, 1 / spec.MidScale);
        UNetResidual[] blocks = [.. Sequences.Range(0, 2).Select(j => Residual($"mid_block.resnets.{j}", width, width, scale))];
        var groups = spec.MidGroups ?? (spec.ScaleShift ? default(int?) : spec.Groups);
        const string Name = "mid_block.attentions.0";
        UNetAttending[] attentions =
            !spec.MidAttention ? []
            : Prompts ? [new UNetTransformer(Name, width, spec.Heads[^1], spec)]
            : [new UNetAttention(Name, width, Heads(width), groups, spec.Epsilon, scale)];
        Register(attentions, blocks);
        _h = blocks[0].Add(_network, _h, _embedding);
        foreach (var attention in attentions)
            _h = attention.Add(_network, _h, _context);
        _h = blocks[1].Add(_network, _h, _embedding);
    }

    private sealed record UpLevel(UNetResidual[] Blocks, UNetAttending[] Attentions, Convolution? Upsampler)
    {
        public void Register(Network network)
        {
            foreach (var attention in Attentions)
                attention.Register(network);
            foreach (var block in Blocks)
                block.Register(network);
            if (Upsampler is not null)
                network.Register(Upsampler);
        }
    }

    // Level 0 of the way up is the deepest. The skips are taken from the end of what the way down left.
    private UpLevel UpBlocks(int level)
    {
        var (last, name) = (spec.Widths.Count - 1, Name("up_blocks", level));
        var (width, before) = (spec.Widths[last - level], spec.Widths[Math.Min(last - level + 1, last)]);
        var above = spec.Widths[Math.Max(last - level - 1, 0)];
        var blocks = new UNetResidual[spec.Layers + 1];
        for (var j = 0; j < blocks.Length; j++)
        {
            var channels = (j == 0 ? before : width) + (j == spec.Layers ? above : width);
            blocks[j] = Residual($"{name}.resnets.{j}", channels, width, 1);
        }

        return new UpLevel(
            blocks,
            spec.UpAttention[level] ? [.. blocks.Select((_, j) => Attention($"{name}.attentions.{j}", last - level, width))] : [],
            level == last ? null : Convolve($"{name}.upsamplers.0.conv", width, width)
        );
    }

    private void Up(int level, UpLevel layers)
    {
        for (var j = 0; j < layers.Blocks.Length; j++)
        {
            var name = FormattableString.Invariant($"up_blocks.{level}.concat.{j}");
            _h = layers.Blocks[j].Add(_network, _network.Add(new Concat(name), _h, _skips.Pop().Node), _embedding);
            if (layers.Attentions.Length > 0)
                _h = layers.Attentions[j].Add(_network, _h, _context);
        }

        if (layers.Upsampler is null)
            return;
        (_, _height, _width) = _skips.Peek();
        _h = _network.Add(new Upsample(Name("up_blocks", level) + ".upsamplers.0", _height, _width), _h);
        _h = _network.Add(layers.Upsampler, _h);
    }

    private void Register(UNetAttending[] attentions, UNetResidual[] blocks)
    {
        foreach (var attention in attentions)
            attention.Register(_network);
        foreach (var block in blocks)
            block.Register(_network);
    }

    private static string Name(string of, int level) => FormattableString.Invariant($"{of}.{level}");

    private UNetResidual Residual(string name, int inputs, int outputs, double scale) =>
        new(name, inputs, outputs, EmbeddingOfBlocks, spec, scale);

    private UNetAttending Attention(string name, int level, int width) =>
        Prompts
            ? new UNetTransformer(name, width, spec.Heads[level], spec)
            : new UNetAttention(name, width, Heads(width), spec.Groups, spec.Epsilon, 1);

    private int Heads(int width) => spec.HeadWidth == 0 ? 1 : width / spec.HeadWidth;

    private GroupNorm Norm(string name, int channels, bool silu) => new(name, channels, spec.Groups, spec.Epsilon, silu);

    private static Convolution Convolve(string name, int inputs, int outputs) => new(name, inputs, outputs, 3, bias: true);
}
