using Lur.Hosting;
using Lur.Runs;
using Lur.Training;
using Lur.Unlearning;

const string data = "synthetic:train=1000,test=200"; // or a folder: CIFAR binaries, IDX files, a sub-folder of images for each class
using var engine = LurEngine.Open(); // the GPU where there is one, else the CPU
Console.WriteLine($"device:   {engine.Device.Name}");

var train = new TrainSettings
{
    Data = data,
    Model = "resnet[1,1,1]:w8",
    Output = "out/original",
    Training = new TrainingOptions { Epochs = 8, BatchSize = 32 },
};
var original = await TrainJob.RunAsync(engine, train);
Console.WriteLine($"trained:  {original.Test.Accuracy:F1} % of the test images are classified correctly");

var forget = new ForgetSettings
{
    Model = original.ModelPath,
    Data = data,
    Output = "out/unlearned",
    Forget = ["class:3"],
    Method = new BoundMethod(LearningToUnlearn.Definition, new LurOptions { Epochs = 2, BatchSize = 32 }),
};
using var cancel = new CancellationTokenSource();
var progress = new Progress<ForgetProgress>(p =>
{
    // Here an interface draws its bar: p.Stage, p.Done of p.Total, p.ForgetLoss; a button cancels.
});
var unlearned = await ForgetJob.RunAsync(engine, forget, progress, cancel.Token);
Console.WriteLine($"forgot:   {unlearned.Unlearned.Scores.UnlearningAccuracy:F1} % of the forgotten images are misclassified");

var verify = new VerifySettings
{
    Runs = [unlearned.Folder],
    RetrainSeeds = [1],
    Attacks = AttackChoice.None,
};
var verified = await VerifyJob.RunAsync(engine, verify);
Console.WriteLine($"verified: {verified.Verdict.Sentence}");

using var model = engine.OpenModel(unlearned.ModelPath);
var tensor = model.Tensors[0];
var weights = new float[tensor.Count];
model.Read(tensor.Name, weights); // and model.Write, and model.Pointer for kernels of your own
Console.WriteLine(
    $"saved:    {unlearned.ModelPath}, {model.Tensors.Count} tensors, the first {tensor.Name} [{string.Join(", ", tensor.Shape)}]"
);
