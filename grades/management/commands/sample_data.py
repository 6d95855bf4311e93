"""Fill an empty database with a realistic dispatch list and realistic ratings."""

import secrets
import string
import uuid
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from random import Random

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from grades.management.interrupts import stops_on_interrupt
from grades.management.large_sample import TEMPLATES, LargeSample
from grades.models import REMARK_LENGTH, Account, Grade, Repeat, ReviewNote
from grades.submissions.store import NewRating, record_conflict

BATCH = 2000
LARGE = 100_000  # from this many rows on the database makes them: see large_sample
DAYS = 90
USERNAME = "admin"

# The README's tour looks this number up.
TOUR_NUMBER = "13800138000"
TOUR_RATINGS = [
    ((5, 5, 4), ("师傅准时上门，装得很仔细👍", "", "")),
    ((4, 5, 5), ("", "网速稳定，满意", "")),
    ((3, 4, 3), ("等了两天才来人", "", "希望提前打电话约时间")),
    ((2, 3, 1), ("宽带又断了😡，第二次报修", "电话一直占线", "再修不好就换别家")),
    ((5, 4, 5), ("这次修好了，谢谢小李师傅🙏", "", "")),
]

# Numbers from here on: 1380013xxxx for the first ten thousand.
FIRST_NUMBER = 13800130000
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
GIVEN_NAMES = [
    "伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "杰", "娟", "涛", "明", "超", "霞", "平", "刚",
    "桂英", "建国", "志强", "海燕", "雨桐", "子涵", "欣怡", "浩然", "思远",
]  # fmt: skip
AREAS = ["城东", "城西", "城南", "城北", "开发区", "高新区", "老城区", "滨江"]
# Product and monthly fee.
PLANS = [
    ("畅享 59 套餐", "59.00"),
    ("畅享 99 套餐", "99.00"),
    ("畅享 129 套餐", "129.00"),
    ("全家享 169 融合套餐", "169.00"),
    ("千兆宽带 199", "199.00"),
    ("企业专线 100M", "680.00"),
    ("老年卡 8 元", "8.00"),
    ("流量王 39.9", "39.90"),
]
STATES = ["在用", "在用", "在用", "在用", "在用", "在用", "停机保号", "欠费停机"]
PRAISE = [
    "师傅很专业👍", "服务态度很好", "上门及时，装完还收拾干净了", "网速快多了🚀", "非常满意😊", "客服耐心，讲得清楚",
    "好评！", "预约很准时", "老人也能听懂，谢谢🙏", "五星❤️", "Very good service", "一如既往地好",
]  # fmt: skip
NEUTRAL = [
    "还可以", "一般般", "比上次好一点", "价格能再优惠就好了", "希望周末也能上门", "WiFi 在卧室信号弱", "没什么意见",
]  # fmt: skip
COMPLAINTS = [
    "等了三天没人来😡", "网络经常掉线，影响孩子上网课", "电话打不通", "师傅迟到两个小时，也没说一声",
    "乱扣费，要求退款💢", "态度差", "说好的提速没有提\n打了三次客服都没解决", "装机把墙面弄坏了😭", "再这样就携号转网",
]  # fmt: skip
MORE_SENTENCES = [0, 0, 0, 0, 0, 1, 1, 2, 4, 8, 40]
NOTES = [
    "已电话回访，客户接受解释",
    "已派单重修，客户满意",
    "退费 20 元，客户认可",
    "三次未接通，改发短信",
    "已转网络部核查",
]


def at_least(lowest):
    def number(text):
        if (value := int(text)) < lowest:
            raise ValueError
        return value

    number.__name__ = f"number of at least {lowest}"  # argparse quotes it: "invalid … value"
    return number


class Command(BaseCommand):
    help = "Fill an empty database with sample ratings, a dispatch list and a staff login."

    def add_arguments(self, parser):
        parser.add_argument("--grades", type=at_least(len(TOUR_RATINGS)), default=300, help="ratings (300)")
        parser.add_argument("--accounts", type=at_least(2), default=120, help="rows of the dispatch list (120)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (1)")
        parser.add_argument("--if-empty", action="store_true", help="do nothing if the database holds anything")
        parser.add_argument("--no-login", action="store_true", help="make no staff login")

    def handle(self, *, grades, accounts, seed, if_empty, no_login, **options):
        if any(model.objects.exists() for model in (Grade, Account, get_user_model())):
            if if_empty:
                return
            raise CommandError(
                "The database holds ratings, accounts or users already; sample data are for an empty one."
            )
        if grades + accounts < LARGE:
            password = self.fill(grades, accounts, seed, no_login)
        else:
            password = self.fill_large(grades, accounts, seed, no_login)
        self.stdout.write(f"Sample data: {grades} ratings, {accounts} rows of the dispatch list.")
        if grades >= LARGE:
            self.stdout.write("Run `manage.py rebuild_daily_scores` before the first look at the overview.")
        if password:
            self.stdout.write(
                boxed(f"Staff login   {USERNAME}", f"Password      {password}", "Shown once, kept nowhere.")
            )

    def fill(self, grades, accounts, seed, no_login):
        """All rows or none: the next run refuses a database that is not empty."""
        with stops_on_interrupt(self, lambda: "Stopped. Nothing was stored.") as ignore_interrupts:
            with transaction.atomic():
                user, password = (None, None) if no_login else make_login()
                maker = SampleMaker(Random(seed), grades, accounts, reviewer=user)  # noqa: S311 - not for secrets
                store(maker.accounts(), accounts, "dispatch list")
                store(maker.grades(), grades, "ratings")
                maker.add_notes()
                maker.add_duplicates_and_a_conflict()
                ignore_interrupts()
        return password

    def fill_large(self, grades, accounts, seed, no_login):
        """A transaction for each day: undoing millions of rows would take longer than making them."""
        user, password = (None, None) if no_login else make_login()
        random = Random(seed)  # noqa: S311 - not for secrets
        maker = SampleMaker(random, len(TOUR_RATINGS), TEMPLATES, reviewer=user)
        sample = LargeSample(maker, random, seed, grades, accounts)
        line = "Stopped after {:,} ratings. Delete all rows with `manage.py flush` before the next run."
        with stops_on_interrupt(self, lambda: line.format(sample.stored)):
            sample.fill()
        return password


def make_login():
    password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16))
    return get_user_model().objects.create_superuser(USERNAME, password=password), password


def boxed(*lines):
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 4)}+"
    return "\n".join([edge, *(f"|  {line:<{width}}  |" for line in lines), edge])


def store(rows, total, title):
    with tqdm(total=total, desc=title, disable=None if total > BATCH else True) as progress:
        while batch := list(islice(rows, BATCH)):
            type(batch[0]).objects.bulk_create(batch)
            progress.update(len(batch))


class SampleMaker:
    """Makes rows that depend only on `random`, the current time and the requested numbers."""

    first_number, areas, notes = FIRST_NUMBER, AREAS, NOTES

    def __init__(self, random, grades, accounts, reviewer):
        self.random = random
        self.grade_count = grades
        self.account_count = accounts
        self.reviewer = reviewer
        self.now = timezone.now()
        # Seven in ten ratings come from the dispatch list. Each of the others comes from about one stranger.
        strangers = 1 + grades // 4
        tour = int(TOUR_NUMBER) - FIRST_NUMBER
        spread = random.sample(range(max(10_000, 2 * (accounts + strangers))), accounts + strangers + 1)
        numbers = [str(FIRST_NUMBER + offset) for offset in spread if offset != tour]
        self.listed, self.strangers = numbers[:accounts], numbers[accounts:]

    def accounts(self):
        """The tour's two dispatches, then the others; about one number in eight has two dispatches."""
        random, today = self.random, timezone.localdate(self.now)
        tour = {
            "acc_nbr": TOUR_NUMBER,
            "acct_id": "7100000001",
            "customer_name": "王小明",
            "area": "城东",
            "state": "在用",
        }
        (old_product, old_fee), (product, fee) = PLANS[0], PLANS[1]
        yield Account(
            **tour,
            product=product,
            monthly_fee=Decimal(fee),
            pay_type=Account.PayType.POSTPAID,
            dispatched_on=today - timedelta(days=6),
        )
        yield Account(
            **tour,
            product=old_product,
            monthly_fee=Decimal(old_fee),
            pay_type=Account.PayType.PREPAID,
            dispatched_on=today - timedelta(days=71),
        )
        self.dispatched = [TOUR_NUMBER]
        made = 2
        while made < self.account_count:
            self.dispatched.append(self.listed[len(self.dispatched) - 1])
            customer = {
                "acc_nbr": self.dispatched[-1],
                "acct_id": str(7100000000 + len(self.dispatched)),
                "customer_name": random.choice(SURNAMES) + random.choice(GIVEN_NAMES),
                "area": random.choice(AREAS),
                "state": random.choice(STATES),
            }
            newest = random.randrange(45)
            for age in [newest, newest + random.randrange(5, 45)] if random.random() < 0.125 else [newest]:
                if made == self.account_count:
                    break
                product, fee = random.choice(PLANS)
                yield Account(
                    **customer,
                    product=product,
                    monthly_fee=Decimal(fee),
                    pay_type=random.choices(list(Account.PayType), weights=[2, 1])[0],
                    dispatched_on=today - timedelta(days=age),
                )
                made += 1

    def grades(self):
        """The ratings, roughly oldest first; call after `accounts`, because most ratings use its numbers."""
        tour = {self.grade_count * (k + 1) // len(TOUR_RATINGS) - 1: rating for k, rating in enumerate(TOUR_RATINGS)}
        for index in range(self.grade_count):
            if index in tour:
                acc_nbr, (levels, remarks) = TOUR_NUMBER, tour[index]
            else:
                acc_nbr = self.random.choice(self.dispatched if self.random.random() < 0.7 else self.strangers)
                levels = self.make_levels()
                remarks = [self.make_remark(level) for level in levels]
            yield self.make_grade(acc_nbr, levels, remarks, self.make_time(index))

    def add_notes(self):
        """The note of each review; call after `grades`."""
        ReviewNote.objects.bulk_create(
            ReviewNote(
                grade=grade,
                version=grade.review_version,
                text=self.random.choice(NOTES),
                state=grade.review_state,
                author=self.reviewer,
                author_name=self.reviewer.username if self.reviewer else "",
                written_at=grade.reviewed_at,
            )
            for grade in Grade.objects.exclude(review_state="new")
        )

    def add_duplicates_and_a_conflict(self):
        """One or two duplicates for some of the newest ratings, and one conflict; call after `grades`."""
        for grade in Grade.objects.newest_first()[1:200:25]:
            for repeat in range(self.random.choice([1, 1, 2])):
                Repeat.objects.create(grade=grade, repeated_at=grade.insert_time + timedelta(seconds=2 + 3 * repeat))
        if stored := Grade.objects.exclude(submission_id=None).newest_first().first():
            # The customer changed the open form and sent it again.
            content = {name: getattr(stored, name) for name in Grade.CONTENT}
            content["grade3"] = settings.GRADE_MIN if stored.grade3 > settings.GRADE_MIN else settings.GRADE_MAX
            content["txt3"] = "刚走又断网了，请再来一次"
            received_at = stored.insert_time + timedelta(seconds=75)
            record_conflict(stored, NewRating(**content, openid=None, insert_time=received_at))

    def make_levels(self, weights=None):
        """Three levels from 1 to 5: mostly good, and similar to one another."""
        mood = self.random.choices([1, 2, 3, 4, 5], weights=weights or [3, 5, 12, 32, 48])[0]
        return [min(5, max(1, mood + self.random.choice([-1, 0, 0, 0, 1]))) for _ in range(3)]

    def make_remark(self, level):
        if self.random.random() < (0.75 if level > 2 else 0.3):
            return ""
        return self.make_sentence(level)

    def make_sentence(self, level):
        return self.random.choice(COMPLAINTS if level < 3 else NEUTRAL if level == 3 else PRAISE)

    def make_long_remark(self, level):
        """A remark of one to many sentences."""
        remark = self.make_remark(level)
        more = self.random.choice(MORE_SENTENCES) if remark else 0
        return "，".join([remark, *(self.make_sentence(level) for _ in range(more))])[:REMARK_LENGTH]

    def grade_of(self, level):
        """A level from 1 to 5 on the scale of the settings."""
        return round(settings.GRADE_MIN + (level - 1) * (settings.GRADE_MAX - settings.GRADE_MIN) / 4)

    def make_time(self, index):
        """A time in the last DAYS days, at least two minutes ago; a time at night moves into the day."""
        if index == self.grade_count - 1:
            return self.now - timedelta(minutes=2)
        age = timedelta(days=DAYS) * (1 - (index + self.random.random()) / self.grade_count)
        moment = timezone.localtime(self.now - age)
        if moment.hour < 8:
            moment = moment.replace(hour=8) + timedelta(hours=14 * self.random.random())
        return moment if moment < self.now else moment - timedelta(days=1)

    def make_grade(self, acc_nbr, levels, remarks, insert_time):
        random = self.random
        grade = Grade(acc_nbr=acc_nbr, insert_time=insert_time)
        # Newer mini programs send an id; older ones do not.
        if random.random() < 0.6:
            grade.submission_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
        grade.grade1, grade.grade2, grade.grade3 = map(self.grade_of, levels)
        grade.txt1, grade.txt2, grade.txt3 = remarks
        # Staff follow up unhappy customers within three days.
        if min(levels) <= 2 and random.random() < 0.8:
            reviewed_at = insert_time + timedelta(hours=random.uniform(1, 72))
            if reviewed_at < self.now:
                closed = random.random() < 0.6
                grade.review_state = Grade.ReviewState.CLOSED if closed else Grade.ReviewState.FOLLOWED_UP
                grade.reviewer = self.reviewer
                grade.reviewed_at = reviewed_at
                grade.review_version = 1
        return grade
