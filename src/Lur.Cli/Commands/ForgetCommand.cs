using System.CommandLine;
using Lur.Cli.Runs;
using Lur.Unlearning;

namespace Lur.Cli.Commands;

/// <summary>lur forget: removes a class or a set of samples from a model.</summary>
internal static class ForgetCommand
{
    private static readonly LurOptions s_default = new();

    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Trained model (safetensors)." };
        var data = SharedOptions.Data();
        var output = SharedOptions.Output();
        var forget = new Option<string[]>("--forget", "-f") { Description = "What to forget: class:3, class:cat, random:10%, random:4500, ids.txt, glob:PATTERN; repeatable.", Required = true };
        var method = new Option<string>("--method") { Description = "Unlearning method.", DefaultValueFactory = _ => "lur" };
        method.AcceptOnlyFromAmong("lur");
        var split = new Option<string?>("--split") { Description = "split.json the model was trained with; default: the one beside the model." };
        var plan = SharedOptions.Plan();
        var size = SharedOptions.ImageSize();
        var lur = new LurCommandOptions();
        var command = new Command("forget", "Make a model forget a class or a set of samples, and measure what it forgot and kept.") { model, data, output, forget, method, split, plan, size };
        lur.AddTo(command);
        return command
            .WithExamples(
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget class:3 -o out/forget",
                "lur forget out/base/model.safetensors --data cifar-10-batches-bin --forget random:10% --forget-loss bounded -o out/forget")
            .Runs((context, parsed, cancel) => new ForgetRun(context, new ForgetSettings
            {
                Model = parsed.GetValue(model)!,
                Data = parsed.GetValue(data)!,
                Output = parsed.GetValue(output)!,
                Forget = parsed.GetValue(forget) ?? [],
                Split = parsed.GetValue(split),
                Lur = lur.Read(parsed),
                DataOptions = SharedOptions.DataOptions(parsed.GetValue(size)),
                PlanOnly = parsed.GetValue(plan),
            }).Run(cancel));
    }

    /// <summary>The options of LUR on the command line.</summary>
    private sealed class LurCommandOptions
    {
        private readonly Option<double> _alpha = SharedOptions.Number("--alpha", "Step of the simulated retain update theta' = theta - alpha grad L_r.", s_default.Alpha);
        private readonly Option<double> _lambda = SharedOptions.Number("--lambda", "Weight of the forget loss.", s_default.Lambda);
        private readonly Option<double> _retainWeight = SharedOptions.Number("--retain-weight", "Weight of the retain loss.", s_default.RetainWeight);
        private readonly Option<double> _rate = SharedOptions.Number("--lr", "Learning rate; constant.", s_default.LearningRate);
        private readonly Option<double> _momentum = SharedOptions.Number("--momentum", "Momentum.", s_default.Momentum);
        private readonly Option<double> _decay = SharedOptions.Number("--weight-decay", "Weight decay.", s_default.WeightDecay);
        private readonly Option<int> _epochs = SharedOptions.Number("--epochs", "Epochs of the repair stage.", s_default.Epochs);
        private readonly Option<string> _epochMode = OptionText.Choice("--epoch-mode", "An epoch is as long as the shorter loader (min), or one pass over the retain set with plain retain steps once the forget set is exhausted (retain-tail) or with the forget set starting over (retain-cycle).", s_default.EpochMode);
        private readonly Option<int> _batch = SharedOptions.Number("--batch", "Batch size of retain batches.", s_default.BatchSize);
        private readonly Option<int> _forgetBatch = SharedOptions.Number("--forget-batch", "Batch size of forget batches; 0 takes --batch.", s_default.ForgetBatchSize);
        private readonly Option<string> _hvp = OptionText.Choice("--hvp", "Second-order term: exact (tangent passes), fd (central finite difference) or none (first order).", s_default.Hvp);
        private readonly Option<double> _radius = SharedOptions.Number("--fd-radius", "Radius r of the finite difference, eps = r / |v|.", s_default.FiniteDifferenceRadius);
        private readonly Option<string> _batchNorm = OptionText.Choice("--bn", "Which batches move BatchNorm's running statistics: retain, both, or none with running statistics used throughout (frozen).", s_default.BatchNorm);
        private readonly Option<string> _loss = OptionText.Choice("--forget-loss", "Loss on forget batches.", s_default.ForgetLoss);
        private readonly Option<double> _margin = SharedOptions.Number("--bound-margin", "Margin of the bounded loss above log(classes), nats.", s_default.BoundMargin);
        private readonly Option<double> _trim = SharedOptions.Number("--trim", "Sparsity of the trim stage; 0 skips it.", s_default.TrimSparsity);
        private readonly Option<int> _trimBatches = SharedOptions.Number("--trim-batches", "Forget batches behind the saliency.", s_default.TrimBatches);
        private readonly Option<string> _scope = OptionText.Choice("--trim-scope", "Rank all parameters (global) or the eligible ones only.", s_default.TrimScope);
        private readonly Option<string?> _layers = new("--trim-layers") { Description = "Comma-separated parts of names of tensors that trimming may reset; default: the last two stages and fc (up to ten classes), else the last stage and fc." };
        private readonly Option<bool> _compat = new("--trim-compat") { Description = "Exclude normalisation by the name 'bn' as the public code does, which misses the shortcuts'." };
        private readonly Option<double> _cap = SharedOptions.Number("--look-ahead-cap", "Cap |alpha g| at this share of |theta|; 0 is no cap.", s_default.LookAheadCap);
        private readonly Option<bool> _noAugment = SharedOptions.NoAugment();
        private readonly Option<ulong> _seed = SharedOptions.Seed();

        public void AddTo(Command command)
        {
            foreach (var option in new Option[]
            {
                _alpha, _lambda, _retainWeight, _rate, _momentum, _decay, _epochs, _epochMode, _batch, _forgetBatch, _hvp, _radius, _batchNorm, _loss, _margin,
                _trim, _trimBatches, _scope, _layers, _compat, _cap, _noAugment, _seed,
            })
            {
                command.Options.Add(option);
            }
        }

        public LurOptions Read(ParseResult parsed) => new()
        {
            Alpha = parsed.GetValue(_alpha),
            Lambda = parsed.GetValue(_lambda),
            RetainWeight = parsed.GetValue(_retainWeight),
            LearningRate = parsed.GetValue(_rate),
            Momentum = parsed.GetValue(_momentum),
            WeightDecay = parsed.GetValue(_decay),
            Epochs = parsed.GetValue(_epochs),
            EpochMode = OptionText.Parse<EpochMode>(parsed.GetValue(_epochMode)),
            BatchSize = parsed.GetValue(_batch),
            ForgetBatchSize = parsed.GetValue(_forgetBatch),
            Hvp = OptionText.Parse<HessianVectorProduct>(parsed.GetValue(_hvp)),
            FiniteDifferenceRadius = parsed.GetValue(_radius),
            BatchNorm = OptionText.Parse<BatchNormPolicy>(parsed.GetValue(_batchNorm)),
            ForgetLoss = OptionText.Parse<ForgetLoss>(parsed.GetValue(_loss)),
            BoundMargin = parsed.GetValue(_margin),
            TrimSparsity = parsed.GetValue(_trim),
            TrimBatches = parsed.GetValue(_trimBatches),
            TrimScope = OptionText.Parse<ThresholdScope>(parsed.GetValue(_scope)),
            TrimLayers = parsed.GetValue(_layers)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
            TrimCompat = parsed.GetValue(_compat),
            LookAheadCap = parsed.GetValue(_cap),
            Augment = !parsed.GetValue(_noAugment),
            Seed = parsed.GetValue(_seed),
        };
    }
}
